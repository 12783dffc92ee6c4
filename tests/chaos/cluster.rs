//! The same run on a cluster: three nodes of RabbitMQ; a primary of Redis, its replicas and three
//! Sentinels; all in containers. One after the other is killed, cut off from all, and cut off from
//! the others, while payouts flow. `scripts/cluster` runs it.

mod brokers;
mod deeds;
mod docker;
mod stores;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::business::Business;
use crate::person::{self, Person};
use crate::plan::ROLES;
use crate::report::{Course, Report};
use crate::scene::{LOOK_EVERY, Running, Scene};
use crate::stalls::Stalls;
use crate::{Over, end};
use brokers::Brokers;
use deeds::{Cluster, Only, Step, plan};
use docker::Network;
use stores::Stores;

/// Pays while nodes of a cluster are lost, and says whether payoutd kept its promises.
#[derive(Clone, clap::Args)]
pub(crate) struct Arguments {
    /// At least so many payouts, spread over all that happens
    #[arg(long, default_value_t = 2000)]
    payouts: usize,
    /// Replicas of Redis: with one, nothing is written while either is away
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    replicas: u8,
    /// Writes count without a replica: what a failover loses has to be noticed
    #[arg(long)]
    without_barrier: bool,
    /// Nodes of the other are left alone
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Writes the report there too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Logs and evidence are kept there
    #[arg(long, value_name = "DIR", default_value = "target/chaos/cluster")]
    keep: PathBuf,
}

/// How long a deed takes with all that belongs to it, at least: payouts are spread over them.
const DEED: Duration = Duration::from_secs(35);

/// Starts were paused, and a person let them out.
#[derive(Clone, Serialize)]
struct Resumed {
    at_s: f64,
    /// Orders without a result, which the business then published again.
    published_again: usize,
}

#[derive(Serialize)]
struct ClusterReport {
    replicas: u8,
    barrier: bool,
    /// On how many nodes of RabbitMQ each queue is.
    members: BTreeMap<String, usize>,
    steps: Vec<Step>,
    resumed: Vec<Resumed>,
    #[serde(flatten)]
    report: Report,
}

pub(crate) fn main(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.keep.exists() {
        fs::remove_dir_all(&arguments.keep)?;
    }
    let report = run(arguments)?;
    report.report.print();
    report.steps.iter().for_each(Step::print);
    for Resumed { at_s, published_again } in &report.resumed {
        println!(
            "{at_s:7.1} s  starts were paused, and resumed; {published_again} published again"
        );
    }
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(if report.report.kept_all() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(arguments: &Arguments) -> anyhow::Result<ClusterReport> {
    // Gone last: nobody must be left who looks for it.
    let network = Network::create()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    let plan = plan(arguments.only);
    let seconds = DEED.as_secs() * plan.len() as u64;
    println!("containers start");
    let stores = Stores::start(&network, arguments.replicas.into())?;
    let brokers = Brokers::start(&network)?;
    let seed = rand::random_range(1..1_000_000);
    let mut scene = Scene::set(arguments.keep.clone(), seed, runtime.handle())?;
    scene.place.set("backend.amqp_url", &brokers.urls().join(","));
    scene.place.set("backend.redis_url", &Stores::url());
    scene.place.set("backend.redis_sentinels", &stores.sentinels());
    if !arguments.without_barrier {
        scene.place.set("backend.redis_barrier", "replicas");
        scene.place.set("backend.redis_barrier_replicas", "1");
    }
    scene.until("queues are declared", || {
        scene.person(&["topology", "--declare", "--json"]).code == Some(0)
    });
    // It notices sooner than the broker would have it that a node is gone.
    let urls = brokers.urls().into_iter().map(|url| format!("{url}?heartbeat=5")).collect();
    let business = runtime.block_on(Business::open(urls))?;
    runtime.spawn(Arc::clone(&business).listen());
    let members = brokers.members()?;

    let stalls = Stalls::default();
    let (over, enough) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
    let (fell, person) = (Mutex::new(Vec::new()), Mutex::new(Person::default()));
    let resumed = Mutex::new(Vec::new());
    let pauses = || stores.pauses();
    let began = Instant::now();
    let cluster = Cluster { brokers: &brokers, stores: &stores, business: &business, began };
    let report = thread::scope(|threads| {
        let ends = Over(&over);
        let bank = scene.start_bank()?;
        for role in 0..ROLES.len() {
            let (scene, over, fell) = (&scene, &over, &fell);
            threads.spawn(move || keep_running(scene, role, over, fell));
        }
        threads.spawn(|| stalls.watch(&over));
        threads.spawn(|| person::attend(&person, &scene, &pauses, &over));
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let resumes = person.lock().unwrap_or_else(PoisonError::into_inner).resumes;
                let mut resumed = resumed.lock().unwrap_or_else(PoisonError::into_inner);
                if resumes > resumed.len() {
                    let open = business.open_orders();
                    let (at_s, published_again) = (began.elapsed().as_secs_f64(), open.len());
                    runtime.block_on(business.publish(&open));
                    resumed.push(Resumed { at_s, published_again });
                }
                drop(resumed);
                thread::sleep(LOOK_EVERY);
            }
        });
        let publishing = runtime.spawn({
            let (business, enough) = (Arc::clone(&business), Arc::clone(&enough));
            let pace = arguments.payouts as f64 / seconds as f64;
            async move { business.publish_until(pace, &enough).await }
        });
        scene.until("payouts flow", || business.has_result_from(0));
        let mut steps = Vec::new();
        for (whom, how) in plan {
            let step = cluster.do_it(whom, how)?;
            step.print();
            steps.push(step);
        }
        let last = Instant::now();
        enough.store(true, Ordering::Relaxed);
        runtime.block_on(publishing)?;
        let run = end::Run {
            scene: &scene,
            business: &business,
            person: &person,
            pauses: &pauses,
            stalls: &stalls,
            began,
            last,
        };
        let report = end::report(&run, course(&business, &steps, seed, seconds));
        drop((ends, bank));
        anyhow::Ok((report?, steps))
    });
    keep_logs(&brokers, &stores, &scene)?;
    let (report, steps) = report?;
    let mut faults: Vec<_> = steps.iter().flat_map(Step::faults).collect();
    let few = |(queue, count): (&String, &usize)| {
        (*count != brokers::NODES).then(|| format!("{queue} is on {count} nodes"))
    };
    faults.extend(members.iter().filter_map(few));
    faults.extend(fell.into_inner().unwrap_or_else(PoisonError::into_inner));
    if !arguments.without_barrier && report.was_resumed() {
        faults.push("the store has lost something that replicas had".into());
    }
    let (replicas, barrier) = (arguments.replicas, !arguments.without_barrier);
    let report = report.with_fallen(faults);
    let resumed = resumed.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(ClusterReport { replicas, barrier, members, steps, resumed, report })
}

fn course(business: &Business, steps: &[Step], seed: u64, seconds: u64) -> Course {
    let mut faults_done = BTreeMap::new();
    for how in [deeds::How::Killed, deeds::How::CutOff, deeds::How::CutOffFromOthers] {
        let count = steps.iter().filter(|step| step.what.ends_with(how.name())).count();
        faults_done.insert(how.name(), count);
    }
    Course {
        seed,
        payouts: business.published(),
        faults: steps.len(),
        seconds,
        plan: steps.iter().map(|step| step.what.clone()).collect(),
        faults_done,
        losses: Vec::new(),
    }
}

/// A process that ends by itself is told, and started again.
fn keep_running(scene: &Scene, role: usize, over: &AtomicBool, fell: &Mutex<Vec<String>>) {
    let name = ROLES[role].0;
    let tell = |what: String| fell.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    let start = || match scene.start_role(role) {
        Ok(running) => Some(running),
        Err(error) => {
            tell(format!("{name} cannot be started: {error}"));
            None
        }
    };
    let mut process = start();
    while !over.load(Ordering::Relaxed) {
        if let Some(status) = process.as_mut().and_then(Running::ended) {
            tell(format!("{name}: {status}"));
            process = start();
        }
        thread::sleep(LOOK_EVERY);
    }
    if process.is_some_and(|process| process.terminate().is_none()) {
        tell(format!("{name} did not end after SIGTERM"));
    }
}

fn keep_logs(brokers: &Brokers, stores: &Stores, scene: &Scene) -> anyhow::Result<()> {
    for node in brokers.nodes.iter().chain(&stores.machines) {
        fs::write(scene.kept.join(format!("{}.log", node.name)), node.log()?)?;
    }
    Ok(())
}
