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
