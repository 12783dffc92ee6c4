//! Containers on a network of their own: started, killed, cut off from all or from each other.
//!
//! They are gone when the network is dropped, and also when the run is killed: a shell whose
//! standard input ends with us removes them. The network itself is left standing then, so that
//! nothing meant for it can go anywhere else.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// Whatever `docker` prints.
fn docker(args: &[&str]) -> anyhow::Result<String> {
    ran("docker", args)
}

fn ran(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let ran = Command::new(program).args(args).stdin(Stdio::null()).output();
    let ran = ran.with_context(|| format!("{program} cannot be run"))?;
    let error = String::from_utf8_lossy(&ran.stderr);
    // Not all of it: settings are in it.
    let what = args.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    ensure!(ran.status.success(), "{program} {what} …: {}", error.trim());
    Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
}

pub(crate) struct Network {
    name: String,
    /// The first three numbers of its addresses.
    base: String,
    guard: Child,
}

impl Network {
    /// Docker chooses its addresses. Only those of a network that names them can be given to
    /// containers, so it is made twice.
    pub(crate) fn create() -> anyhow::Result<Self> {
        let name = format!("payoutd-cluster-{:08x}", rand::random::<u32>());
        docker(&["network", "create", &name])?;
        let subnet = "{{(index .IPAM.Config 0).Subnet}}";
        let subnet = docker(&["network", "inspect", "-f", subnet, &name])?;
        docker(&["network", "rm", &name])?;
        let base = subnet.rsplit_once('.').context("a network of IPv4")?.0.to_owned();
        docker(&["network", "create", "--subnet", &subnet, &name])?;
        let guard = "read -r _; docker ps -aq --filter label=payoutd=$0 | xargs -r docker rm -fv";
        let mut guard = {
            let mut shell = Command::new("sh");
            shell.args(["-c", guard, &name]);
            shell
        };
        // Not of the terminal's group, whose Ctrl-C would end it before it could do anything.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        Ok(Self { name, base, guard })
    }

    pub(crate) fn address(&self, number: usize) -> String {
        format!("{}.{number}", self.base)
    }

    /// `hosts`: names of others, with their addresses.
    pub(crate) fn run(
        &self,
        name: &str,
        number: usize,
        image: &str,
        hosts: &[String],
        command: &Program<'_>,
    ) -> anyhow::Result<Node> {
        let container = format!("{}-{name}", self.name);
        let label = format!("payoutd={}", self.name);
        let address = self.address(number);
        let mut args = vec!["run", "-d", "--name", &container, "--hostname", name];
        args.extend(["--label", &label, "--network", &self.name, "--ip", &address]);
        hosts.iter().for_each(|host| args.extend(["--add-host", host]));
        let variables: Vec<_> =
            command.variables.iter().map(|(name, text)| format!("{name}={text}")).collect();
        variables.iter().for_each(|variable| args.extend(["-e", variable]));
        args.extend([image, "sh", "-c", command.script]);
        docker(&args)?;
        Ok(Node { name: name.to_owned(), address, container, network: self.name.clone() })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let removed = self.guard.wait().map_err(anyhow::Error::from);
        let removed = removed.and_then(|_| docker(&["network", "rm", &self.name]));
        if let Err(error) = removed {
            eprintln!("cluster: {error:#}");
        }
    }
}

/// What runs in a container.
pub(crate) struct Program<'a> {
    pub(crate) variables: &'a [(&'a str, &'a str)],
    pub(crate) script: &'a str,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) address: String,
    container: String,
    network: String,
}

impl Node {
    /// SIGKILL for all that runs in it.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        docker(&["kill", &self.container]).map(drop)
    }

    /// After [`kill`](Self::kill), with what it had written.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        docker(&["start", &self.container]).map(drop)
    }

    /// Nobody reaches it any more, and it reaches nobody. Connections are not told.
    pub(crate) fn cut_off(&self) -> anyhow::Result<()> {
        docker(&["network", "disconnect", &self.network, &self.container]).map(drop)
    }

    pub(crate) fn connect(&self) -> anyhow::Result<()> {
        let (network, container) = (&self.network, &self.container);
        docker(&["network", "connect", "--ip", &self.address, network, container]).map(drop)
    }

    /// It does not reach those others any more, and hears nothing of them; everybody else does.
    pub(crate) fn isolate(&self, from: &[&Self]) -> anyhow::Result<()> {
        from.iter().try_for_each(|other| self.route("add", other))
    }

    pub(crate) fn rejoin(&self, with: &[&Self]) -> anyhow::Result<()> {
        with.iter().try_for_each(|other| self.route("del", other))
    }

    fn route(&self, verb: &str, to: &Self) -> anyhow::Result<()> {
        let process = docker(&["inspect", "-f", "{{.State.Pid}}", &self.container])?;
        let inside = ["-t", &process, "-n", "ip", "route", verb, "blackhole", &to.address];
        let routed = ran("nsenter", &inside);
        routed.map(drop).context("needs root, and a Docker engine on this machine")
    }

    /// What a program prints that is run inside.
    pub(crate) fn exec(&self, args: &[&str]) -> anyhow::Result<String> {
        // One that hangs on a server that is cut off is ended.
        let command = ["exec", &self.container, "timeout", "20"];
        docker(&[&command[..], args].concat())
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> anyhow::Result<Vec<u8>> {
        let ran = Command::new("docker").args(["logs", &self.container]).output()?;
        Ok([ran.stdout, ran.stderr].concat())
    }
}
