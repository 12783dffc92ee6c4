//! A real Chromium without a window, driven over WebDriver (W3C) by its chromedriver.
//!
//! Nothing here sleeps: whoever waits for something on a page has the page itself say when.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, Stream};

/// Longest wait for anything: far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What WebDriver calls an element in its answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Nothing that a test needs, and nothing that looks for somebody outside this machine.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=900,700",
];

pub(crate) struct Browser {
    address: String,
    session: String,
    _profile: TempDir,
    _driver: Process,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let chromium = installed("chromium");
        let profile = tempfile::Builder::new().prefix("payoutd-browser-").tempdir();
        let profile = profile.expect("a folder");
        let mut command = Command::new(installed("chromedriver"));
        // Crash reports go below it.
        command.env("HOME", profile.path()).env_remove("XDG_CONFIG_HOME");
        command.arg("--port=0").stdin(Stdio::null());
        let driver = Process::start("chromedriver", command);
        let port = driver.line(Stream::Out, |line| {
            let rest = line.split_once("started successfully on port ")?.1;
            Some(rest.trim_end_matches('.').to_owned())
        });
        let data = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<_> = ARGUMENTS.into_iter().chain([data.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "timeouts": {"script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis()},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
        }}});
        let mut browser = Self {
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
            _profile: profile,
            _driver: driver,
        };
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    pub(crate) fn open(&self, url: &str) {
        self.command("POST", "url", json!({ "url": url }));
    }

    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.command("POST", &format!("element/{element}/clear"), json!({}));
        self.command("POST", &format!("element/{element}/value"), json!({ "text": text }));
    }

    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.command("POST", &format!("element/{element}/click"), json!({}));
    }

    /// Goes on inside this frame.
    pub(crate) fn enter_frame(&self, selector: &str) {
        let element = self.find(selector);
        self.command("POST", "frame", json!({"id": {ELEMENT: element}}));
    }

    /// Back to the page itself.
    pub(crate) fn leave_frame(&self) {
        self.command("POST", "frame", json!({"id": null}));
    }

    /// Waits until `condition` (JavaScript) holds on the page, and gives its value.
    #[track_caller]
    pub(crate) fn until(&self, condition: &str) -> Value {
        // Looked at again after each change, so that no time is guessed.
        let script = format!(
            "const done = arguments[0];
             const look = () => {{
               const value = (() => {condition})();
               if (value) {{ observer.disconnect(); done(value); }}
             }};
             const observer = new MutationObserver(look);
             observer.observe(document, {{ subtree: true, childList: true, attributes: true,
                                           characterData: true }});
             look();"
        );
        let body = json!({"script": script, "args": []});
        let (status, answer) = self.send("POST", &self.path("execute/async"), &body);
        assert_eq!(status, 200, "waited in vain for {condition}: {answer}\n{}", self.page());
        answer
    }

    /// What the browser itself complained of, such as what a policy forbade.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.command("POST", "se/log", json!({"type": "browser"}));
        let entries = log.as_array().expect("a list");
        entries.iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// A picture of the page, PNG in base64.
    pub(crate) fn picture(&self) -> String {
        self.command("GET", "screenshot", Value::Null).as_str().expect("base64").to_owned()
    }

    fn page(&self) -> String {
        self.send("GET", &self.path("source"), &Value::Null).1.to_string()
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({selector:?}) !== null"));
        let found =
            self.command("POST", "element", json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    fn path(&self, command: &str) -> String {
        format!("/session/{}/{command}", self.session)
    }

    #[track_caller]
    fn command(&self, method: &str, command: &str, body: Value) -> Value {
        self.ask(method, &self.path(command), &body)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, value) = self.send(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {value}");
        value
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        exchange(&self.address, method, path, body).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}

impl Drop for Browser {
    /// Ends Chromium, whose parent the driver is.
    fn drop(&mut self) {
        let ended = exchange(&self.address, "DELETE", &self.path(""), &Value::Null);
        if ended.is_err() && !std::thread::panicking() {
            eprintln!("chromium could not be ended");
        }
    }
}

/// Status and `value` of an answer. The driver keeps connections open, so the length is read.
fn exchange(
    address: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let path = path.trim_end_matches('/');
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut length = 0;
    while line.trim_end() != "" {
        line.clear();
        answer.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    let mut body: Value = serde_json::from_slice(&body).expect("JSON");
    Ok((status.expect("a status"), body["value"].take()))
}

/// Where a program is. The tests are nothing without it.
fn installed(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file());
    let found = found.unwrap_or_else(|| {
        panic!("no {program} here: run scripts/setup-services, or install chromium and its driver")
    });
    found.to_str().expect("a path in UTF-8").to_owned()
}
