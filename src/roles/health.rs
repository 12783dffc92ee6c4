//! Which roles of this process take work just now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Role;

/// Shared between the roles, which say so, and whoever is asked.
#[derive(Clone)]
pub struct Health {
    roles: Arc<[(Role, AtomicBool)]>,
}

impl Health {
    /// None of them takes work yet.
    pub fn of(roles: &[Role]) -> Self {
        Self { roles: roles.iter().map(|role| (*role, AtomicBool::new(false))).collect() }
    }

    pub fn set(&self, role: Role, takes_work: bool) {
        for (known, takes) in &*self.roles {
            if *known == role {
                takes.store(takes_work, Ordering::Relaxed);
            }
        }
    }

    pub fn roles(&self) -> impl Iterator<Item = (Role, bool)> + '_ {
        self.roles.iter().map(|(role, takes)| (*role, takes.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_work_when_it_says_so_and_speaks_for_no_other() {
        let health = Health::of(&[Role::Executor, Role::Ingress]);
        let told = || health.roles().map(|(_, takes)| takes).collect::<Vec<_>>();
        assert_eq!(told(), [false, false]);
        health.clone().set(Role::Ingress, true);
        assert_eq!(told(), [false, true]);
        // One that runs in another process.
        health.set(Role::Decider, true);
        assert_eq!(told(), [false, true]);
        health.set(Role::Ingress, false);
        assert_eq!(told(), [false, false]);
    }
}
