//! The command as a record keeps it: whole, or only its payout's id while it has not come.

use serde::{Deserialize, Serialize};

use super::command::{CreateCommand, InvalidCommand};
use super::id::PayoutId;
use super::json::{Object, Raw};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Object", into = "Object")]
pub enum StoredCommand {
    Known(Box<CreateCommand>),
    /// A stub: the command is still to come.
    Awaited(PayoutId),
}

impl StoredCommand {
    pub fn payout_id(&self) -> &PayoutId {
        match self {
            Self::Known(command) => &command.payout_id,
            Self::Awaited(id) => id,
        }
    }

    /// `None` in a stub.
    pub fn create(&self) -> Option<&CreateCommand> {
        match self {
            Self::Known(command) => Some(command),
            Self::Awaited(_) => None,
        }
    }
}

/// Written as the command itself, or as an object with nothing but its id.
impl From<StoredCommand> for Object {
    fn from(stored: StoredCommand) -> Self {
        match stored {
            StoredCommand::Known(command) => (*command).into(),
            StoredCommand::Awaited(id) => {
                let mut object = Self::default();
                object.push(ID, Raw::of(&id).expect("an id is JSON"));
                object
            }
        }
    }
}

impl TryFrom<Object> for StoredCommand {
    type Error = InvalidCommand;

    fn try_from(fields: Object) -> Result<Self, InvalidCommand> {
        let alone = fields.fields().count() == 1;
        match fields.get(ID).filter(|_| alone).and_then(|id| id.read().ok()) {
            Some(id) => Ok(Self::Awaited(id)),
            None => CreateCommand::stored(fields).map(|command| Self::Known(Box::new(command))),
        }
    }
}

const ID: &str = "payout_id";

#[cfg(test)]
mod tests {
    use super::super::samples::{command, settlement_command, stub};
    use super::*;

    fn stored(text: &str) -> Result<StoredCommand, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_stub_and_a_command_are_told_apart() {
        let awaited = stub().command;
        let text = serde_json::to_string(&awaited).expect("JSON");
        assert_eq!(text, r#"{"payout_id":"inv-1"}"#);
        assert_eq!(stored(&text).expect("read"), awaited);
        let known = StoredCommand::Known(Box::new(command(&settlement_command())));
        let text = serde_json::to_string(&known).expect("JSON");
        assert_eq!(stored(&text).expect("read"), known);
    }

    #[test]
    fn a_command_that_an_older_version_took_can_still_be_read() {
        let mut lax = settlement_command();
        lax["payment_method"]["bank_account"]["ru"] = serde_json::json!({"token": "3f03ee"});
        assert!(CreateCommand::parse(lax.to_string().as_bytes()).is_err());
        let read = stored(&lax.to_string()).expect("read");
        assert_eq!(read.payout_id().as_str(), "inv-1");
        assert!(stored(r#"{"payout_id": "inv-1", "amount_details": 7}"#).is_err());
    }
}
