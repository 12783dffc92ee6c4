//! A chaos run: payouts through real processes on a real RabbitMQ and Redis and the simulator in its
//! own process, while a seeded plan kills, freezes, cuts off and sets back. At the end the bank's
//! ledger is held against commands and events. `scripts/chaos` runs it.
//!
//! Exit code 1 if a promise was broken.

#[expect(dead_code, reason = "the tests of the program use the rest")]
#[path = "../cli/bank.rs"]
mod bank;
mod business;
mod cluster;
mod end;
mod person;
#[expect(dead_code, reason = "the tests of the program use the rest")]
#[path = "../cli/place.rs"]
mod place;
mod plan;
#[expect(dead_code, reason = "the tests of the program use the rest")]
#[path = "../cli/process.rs"]
mod process;
#[path = "../contract/rabbitmq/proxy.rs"]
mod proxy;
mod report;
mod scene;
#[expect(dead_code, reason = "the program that starts servers uses the rest")]
#[path = "../support/services.rs"]
mod services;
mod stalls;
mod store;
mod strikes;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

use business::Business;
use person::Person;
use report::{Course, Report};
use scene::Scene;
use services::RabbitMq;
use stalls::Stalls;
use store::RolledStore;
use strikes::Strikes;

/// Pays through chaos, and says whether payoutd kept its promises.
#[derive(Clone, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    on: Option<On>,
    /// How many payouts
    #[arg(long, default_value_t = 1000)]
    payouts: usize,
    /// How many faults
    #[arg(long, default_value_t = 60)]
    faults: usize,
    /// The same seed, seconds and faults give the same plan [default: any]
    #[arg(long)]
    seed: Option<u64>,
    /// Faults happen within so many seconds, and payouts are published until the last one
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// Redis is neither set back to an earlier copy nor emptied
    #[arg(long)]
    without_loss: bool,
    /// 300 payouts and 30 faults in 60 seconds
    #[arg(long, conflicts_with_all = ["payouts", "faults", "seconds"])]
    short: bool,
    /// Shows the plan and ends
    #[arg(long)]
    plan: bool,
    /// Writes the report there too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Logs and evidence are kept there [default: target/chaos/SEED]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Other servers than one of each.
#[derive(Clone, clap::Subcommand)]
enum On {
    Cluster(cluster::Arguments),
}

/// A copy of the store is kept so often.
const COPY_EVERY: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::parse();
    if let Some(On::Cluster(arguments)) = &arguments.on {
        return cluster::main(arguments);
    }
    if arguments.short {
        (arguments.payouts, arguments.faults, arguments.seconds) = (300, 30, 60);
    }
    let seed = arguments.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let time = Duration::from_secs(arguments.seconds);
    let plan = plan::plan(seed, time, arguments.faults, !arguments.without_loss);
    println!("seed {seed}: {} payouts, {} faults, {time:?}", arguments.payouts, plan.len());
    plan.iter().for_each(|fault| println!("{fault}"));
    if arguments.plan {
        return Ok(ExitCode::SUCCESS);
    }
    let kept = arguments.keep.clone();
    let kept = kept.unwrap_or_else(|| PathBuf::from(format!("target/chaos/{seed}")));
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    let report = run(&arguments, seed, &plan, kept)?;
    report.print();
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(if report.kept_all() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(
    arguments: &Arguments,
    seed: u64,
    plan: &[plan::Fault],
    kept: PathBuf,
) -> anyhow::Result<Report> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    let time = Duration::from_secs(arguments.seconds);
    let (broker, store) = (RabbitMq::start(), RolledStore::start());
    let amqp_url = broker.url();
    let mut scene = Scene::set(kept, seed, runtime.handle())?;
    scene.lead_to(amqp_url.clone(), store.url(), runtime.handle());
    // Before any process starts, so that no queue is new when the broker is killed.
    scene.until("queues are declared", || {
        scene.person(&["topology", "--declare", "--json"]).code == Some(0)
    });
    let business = runtime.block_on(Business::open(vec![amqp_url]))?;
    end::keeps_all_queues(&scene, &broker)?;
    runtime.spawn(Arc::clone(&business).listen());

    let strikes = Strikes {
        scene: &scene,
        broker: Mutex::new(broker),
        store: Mutex::new(store),
        business: &business,
        runtime: runtime.handle().clone(),
        began: Instant::now(),
        done: Mutex::default(),
        stalls: Stalls::default(),
        over: AtomicBool::new(false),
    };
    let person = Mutex::new(Person::default());
    let pauses = || strikes.store().pauses();
    thread::scope(|threads| {
        let over = Over(&strikes.over);
        for victim in strikes::supervised() {
            let strikes = &strikes;
            threads.spawn(move || strikes.supervise(victim, plan));
        }
        threads.spawn(|| strikes.stalls.watch(&strikes.over));
        threads.spawn(|| {
            while !strikes.over.load(Ordering::Relaxed) {
                strikes.store().keep_copy();
                thread::sleep(COPY_EVERY);
            }
        });
        threads.spawn(|| person::attend(&person, &scene, &pauses, &strikes.over));
        let publishing = runtime.spawn({
            let (business, count) = (Arc::clone(&business), arguments.payouts);
            // Until the last fault begins, from which it is counted how soon all is settled.
            let time = plan.last().map_or(time, |fault| fault.at);
            async move {
                business.publish_all(count, time).await;
                Instant::now()
            }
        });
        strikes.carry_out(plan);
        let report =
            runtime.block_on(publishing).map_err(anyhow::Error::from).and_then(|published| {
                // Those of processes are carried out by whoever watches over them.
                let count = || strikes.done().count.values().sum::<usize>();
                scene.until("all faults are over", || count() == plan.len());
                // Publishing may be late: nobody settles what is not there.
                let last = strikes.done().last.unwrap_or(strikes.began).max(published);
                let (business, began) = (&*business, strikes.began);
                let stalls = &strikes.stalls;
                let (scene, person, pauses) = (&scene, &person, &pauses);
                let run = end::Run { scene, business, person, pauses, stalls, began, last };
                end::report(&run, course(&strikes, arguments, seed, plan))
            });
        drop(over);
        report
    })
    .map(|report| report.with_fallen(strikes.done().fell.clone()))
}

fn course(strikes: &Strikes<'_>, arguments: &Arguments, seed: u64, plan: &[plan::Fault]) -> Course {
    let done = strikes.done();
    Course {
        seed,
        payouts: arguments.payouts,
        faults: plan.len(),
        seconds: arguments.seconds,
        plan: plan.iter().map(ToString::to_string).collect(),
        faults_done: done.count.clone(),
        losses: done.losses.clone(),
    }
}

/// Tells all threads when it is dropped, whatever came before: they would never end.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
