//! The mark that payoutd leaves at a broker once its store has begun: an exchange that nobody
//! publishes to. A store without an epoch beside a broker with the mark was emptied.

use lapin::ExchangeKind;

use super::inspect::is_there;
use super::{Object, Shape, connection, declare_one};
use crate::bus::BusError;
use crate::rabbitmq::Settings;
use crate::rabbitmq::names::Names;

pub(super) fn mark(names: &Names) -> Object {
    Object { name: names.initialised(), shape: Shape::Exchange(ExchangeKind::Fanout) }
}

/// Whether the broker has the mark.
pub async fn is_marked(settings: &Settings) -> Result<bool, BusError> {
    let link = connection(settings).await?;
    let found = is_there(&link, &mark(&Names::new(&settings.prefix))).await;
    link.close().await;
    found
}

/// Leaves the mark. It may be there already.
pub async fn leave_mark(settings: &Settings) -> Result<(), BusError> {
    let link = connection(settings).await?;
    let left = declare_one(&link.channel().await?, &mark(&Names::new(&settings.prefix))).await;
    link.close().await;
    left
}
