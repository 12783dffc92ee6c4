//! The sample page with everything behind it on RabbitMQ and Redis.

use super::installation::{amqp_url, place_on, redis_url};
use crate::widget::{pay_to_a_card, pay_to_an_account};

#[test]
fn what_is_typed_into_the_banks_widget_is_paid_on_servers_too() {
    pay_to_a_card(place_on(&amqp_url(), &redis_url()));
    pay_to_an_account(place_on(&amqp_url(), &redis_url()));
}
