//! Reads settings one by one, remembers where each came from and everything that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::{ConfigError, DEFAULTS, Problem};

const PREFIX: &str = "PAYOUTD_";

/// The source of what nobody has set.
pub(super) const DEFAULT: &str = "default";

pub(super) struct Reader {
    figment: Figment,
    problems: Vec<Problem>,
}

/// One environment variable. Its value stays text: what it means is the setting's business.
struct Variable {
    name: String,
    key: String,
    value: String,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = Value::String(Tag::Default, self.value.clone());
        let nested = figment::util::nest(&self.key, value);
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

impl Reader {
    pub(super) fn new(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut figment =
            Figment::from(Named { name: DEFAULT.into(), provider: Toml::string(DEFAULTS) });
        let mut problems = Vec::new();
        if let Some(path) = file {
            match std::fs::read_to_string(path) {
                Ok(text) => {
                    check_syntax(path, &text)?;
                    figment = figment.merge(Named::file(path, &text));
                }
                Err(e) => problems.push(Problem {
                    key: "--config".into(),
                    source: path.display().to_string(),
                    cure: format!("cannot be read ({e}); name a readable TOML file"),
                }),
            }
        }
        let known = leaves(&figment_of_defaults()).unwrap_or_default();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            if !name.contains("__") {
                problems.extend(misspelt(name, &known));
                continue;
            }
            let Some(value) = value.to_str() else {
                problems.push(Problem {
                    key: name.to_owned(),
                    source: "environment".into(),
                    cure: "is not UTF-8; set it to plain text".into(),
                });
                continue;
            };
            let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            let (name, value) = (name.to_owned(), value.to_owned());
            figment = figment.merge(Variable { name, key, value });
        }
        let mut reader = Self { figment, problems };
        reader.refuse_unknown_keys()?;
        Ok(reader)
    }

    /// All problems at once, or none.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError(self.problems)) }
    }

    pub(super) fn problem(&mut self, key: &str, cure: &str) {
        let source = self.source(key);
        // One problem a key, and none of what a mistaken section should hold: the first says what
        // to do.
        let told = |earlier: &Problem| match key.strip_prefix(&earlier.key) {
            Some(rest) => rest.is_empty() || rest.starts_with('.'),
            None => false,
        };
        if !self.problems.iter().any(told) {
            self.problems.push(Problem { key: key.into(), source, cure: cure.into() });
        }
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        match self.figment.find_value(key) {
            Ok(Value::String(_, text)) => text.trim().to_owned(),
            Ok(Value::Num(_, number)) => {
                number.to_i128().map(|n| n.to_string()).unwrap_or_default()
            }
            Ok(Value::Bool(_, flag)) => flag.to_string(),
            _ => {
                self.problem(key, "must be text");
                String::new()
            }
        }
    }

    /// `None` when empty.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|text| !text.is_empty()).map(Into::into)
    }

    /// A list, or text with commas.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let parts = match self.figment.extract_inner::<Vec<String>>(key) {
            Ok(parts) => parts,
            Err(_) => self.text(key).split(',').map(str::to_owned).collect(),
        };
        parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        humantime::parse_duration(&self.text(key)).unwrap_or_else(|_| {
            self.problem(key, "must be a duration, such as \"10s\"");
            Duration::ZERO
        })
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.text(key).parse().unwrap_or_else(|_| {
            self.problem(key, "must be true or false");
            false
        })
    }

    pub(super) fn number(&mut self, key: &str) -> u64 {
        self.text(key).parse().unwrap_or_else(|_| {
            self.problem(key, "must be a whole number");
            0
        })
    }

    /// Of every key there is.
    pub(super) fn sources(&self) -> BTreeMap<String, String> {
        let keys = leaves(&figment_of_defaults()).unwrap_or_default();
        keys.into_iter().map(|key| (key.clone(), self.source(&key))).collect()
    }

    fn source(&self, key: &str) -> String {
        self.figment.find_metadata(key).map_or_else(|| "not set".into(), |m| m.name.to_string())
    }

    fn refuse_unknown_keys(&mut self) -> Result<(), ConfigError> {
        let known = leaves(&figment_of_defaults()).unwrap_or_default();
        let given = leaves(&self.figment).map_err(|e| {
            let source = e.metadata.as_ref().map(|m| m.name.to_string()).unwrap_or_default();
            let cure = format!("cannot be read as TOML: {e}");
            ConfigError(vec![Problem { key: "the file".into(), source, cure }])
        })?;
        for key in given.difference(&known) {
            if known.iter().any(|known| known.starts_with(&format!("{key}."))) {
                self.problem(key, &format!("is a section; write [{key}] and its settings below"));
                continue;
            }
            let near =
                known.iter().min_by_key(|k| strsim::levenshtein(k, key)).expect("there are keys");
            self.problem(key, &format!("is not a setting; did you mean {near}?"));
        }
        Ok(())
    }
}

fn figment_of_defaults() -> Figment {
    Figment::from(Toml::string(DEFAULTS))
}

/// The error says where and what, and does not show the line: it may hold a secret.
fn check_syntax(path: &Path, text: &str) -> Result<(), ConfigError> {
    let Err(error) = Toml::from_str::<Dict>(text) else { return Ok(()) };
    let until = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(until).filter(|b| *b == b'\n').count() + 1;
    let what = error.message().lines().next().unwrap_or_default();
    Err(ConfigError(vec![Problem {
        key: "the file".into(),
        source: path.display().to_string(),
        cure: format!("is not TOML at line {line} ({what}); mend it there"),
    }]))
}

/// A variable that lacks an underscore between section and key. Others may begin as ours do:
/// Kubernetes sets `PAYOUTD_SERVICE_HOST` beside a service of that name.
fn misspelt(name: &str, known: &BTreeSet<String>) -> Option<Problem> {
    let variable = |key: &String| format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
    let meant = known.iter().map(variable).find(|known| known.replace("__", "_") == name)?;
    Some(Problem {
        key: name.to_owned(),
        source: "environment".into(),
        cure: format!("is not a setting; did you mean {meant}?"),
    })
}

/// Gives a source of settings the name that errors call it by.
struct Named<P> {
    name: String,
    provider: P,
}

impl Named<figment::providers::Data<Toml>> {
    fn file(path: &Path, text: &str) -> Self {
        Self { name: path.display().to_string(), provider: Toml::string(text) }
    }
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.provider.data()
    }
}

/// All keys with a value, as `section.key`.
fn leaves(figment: &Figment) -> Result<BTreeSet<String>, Box<figment::Error>> {
    fn collect(prefix: &str, dict: &Dict, out: &mut BTreeSet<String>) {
        for (name, value) in dict {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Value::Dict(_, inner) => collect(&key, inner, out),
                _ => {
                    out.insert(key);
                }
            }
        }
    }
    let mut out = BTreeSet::new();
    for dict in figment.data()?.values() {
        collect("", dict, &mut out);
    }
    Ok(out)
}
