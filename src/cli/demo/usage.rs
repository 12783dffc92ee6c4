//! What processes have used, as Linux tells it (proc(5)).

use std::fs;
use std::iter::Sum;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) peak_memory_mib: u64,
}

/// Length of proc(5)'s clock tick: `USER_HZ`, 100 a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// CPU used since then; the peak of memory is the whole life's.
    pub(super) fn since(self, before: &Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), ..self }
    }

    /// Of this process. `None` where there is no /proc.
    pub(super) fn now() -> Option<Self> {
        Self::of(std::process::id())
    }

    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field, the command's name, may hold spaces; it ends with the last bracket.
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: u32 = fields.get(11..13)?.iter().filter_map(|f| f.parse::<u32>().ok()).sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
        Some(Self { cpu: TICK * ticks, peak_memory_mib: kib / 1024 })
    }
}

/// CPU of all together; the peak of memory is the largest one's.
impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, one| Self {
            cpu: sum.cpu + one.cpu,
            peak_memory_mib: sum.peak_memory_mib.max(one.peak_memory_mib),
        })
    }
}
