//! A queue that is lost and comes back, and a message that takes too long.

use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::bus::{Delivery, Message, Settle, Subscription};

/// Longest that anything awaited here may take: a pause, and far more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody can say.
struct Stuck;

#[async_trait]
impl Handler for Stuck {
    async fn handle(&self, _: &[u8]) -> Result<Handled, HandleError> {
        std::future::pending().await
    }
}

/// A queue that is there, is lost, and is there again, when the test says so.
#[derive(Clone)]
struct Flaky {
    told: mpsc::UnboundedSender<&'static str>,
    there: Arc<Semaphore>,
    lost: Arc<Semaphore>,
}

async fn passed(gate: &Semaphore) {
    gate.acquire().await.expect("never closed").forget();
}

#[async_trait]
impl Bus for Flaky {
    async fn check(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn publish(&self, _: Vec<Message>) -> Result<(), BusError> {
        unreachable!("nothing is published here")
    }

    async fn consume(&self, _: Queue, _: usize) -> Result<Box<dyn Consumer>, BusError> {
        self.told.send("consume").expect("the test listens");
        passed(&self.there).await;
        Ok(Box::new(self.clone()))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        unreachable!("nobody subscribes here")
    }
}

#[async_trait]
impl Consumer for Flaky {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        self.told.send("next").expect("the test listens");
        passed(&self.lost).await;
        Err(BusError::Unavailable("lost".into()))
    }
}

#[tokio::test]
async fn a_role_takes_work_only_as_long_as_it_has_its_queue() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let gate = || Arc::new(Semaphore::new(0));
    let queue = Flaky { told, there: gate(), lost: gate() };
    let health = Health::of(&[Role::Executor]);
    let intake = Intake {
        role: Role::Executor,
        bus: Arc::new(queue.clone()),
        queue: Queue::Commands,
        concurrency: 1,
        handler: Arc::new(Stuck),
        health: health.clone(),
    };
    let shutdown = Shutdown::default();
    let running = tokio::spawn(intake.run(shutdown.clone()));
    let takes_work = || health.roles().all(|(_, takes)| takes);
    let mut hear = async || {
        let heard = tokio::time::timeout(PATIENCE, hears.recv()).await;
        heard.expect("it goes on").expect("it runs")
    };
    for _ in 0..2 {
        assert_eq!(hear().await, "consume");
        assert!(!takes_work(), "before it has its queue");
        queue.there.add_permits(1);
        assert_eq!(hear().await, "next");
        assert!(takes_work());
        queue.lost.add_permits(1);
    }
    assert_eq!(hear().await, "consume");
    queue.there.add_permits(1);
    assert_eq!(hear().await, "next");
    shutdown.begin();
    tokio::time::timeout(PATIENCE, running).await.expect("it ends").expect("no panic");
    assert!(!takes_work(), "after its end");
}

/// Tells what became of a message.
struct Told(mpsc::UnboundedSender<&'static str>);

impl Told {
    fn tell(&self, settled: &'static str) -> Result<(), BusError> {
        self.0.send(settled).expect("the test listens");
        Ok(())
    }
}

#[async_trait]
impl Settle for Told {
    async fn acknowledge(self: Box<Self>) -> Result<(), BusError> {
        self.tell("acknowledged")
    }

    async fn hand_back(self: Box<Self>) -> Result<(), BusError> {
        self.tell("handed back")
    }

    async fn dead_letter(self: Box<Self>, _: &str) -> Result<(), BusError> {
        self.tell("dead-lettered")
    }
}

#[tokio::test]
async fn a_message_that_takes_too_long_is_handed_back() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let delivery = Delivery { body: "m".into(), settle: Box::new(Told(tell)) };
    let handling = Arc::new(Handling {
        queue: Queue::Commands,
        handler: Arc::new(Stuck),
        time_max: Duration::from_millis(20),
        seldom: Seldom::new(),
        shutdown: Shutdown::default(),
    });
    tokio::time::timeout(PATIENCE, handling.handle(delivery)).await.expect("bounded");
    assert_eq!(told.recv().await, Some("handed back"));
    assert_eq!(told.recv().await, None, "settled once");
}

/// RabbitMQ takes a message away, and the channel with it, after 30 minutes.
#[test]
fn the_longest_handling_is_well_below_the_broker_s_patience() {
    assert!(HANDLING_MAX * 2 < Duration::from_secs(30 * 60));
}
