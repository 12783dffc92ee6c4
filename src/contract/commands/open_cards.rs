//! Open card numbers, which a command must not hold anywhere outside its metadata.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The bank's name for an open card, in any letter case.
const BANK_CARD: &str = "^[Bb][Aa][Nn][Kk]_[Cc][Aa][Rr][Dd]$";

/// The names that an open card's number may have been typed under, in any letter case: those with
/// `card` in them, those with `pan` as a word, and `number`, `number_hash` and `token`.
const NUMBER: &str = "[Cc][Aa][Rr][Dd]\
                      |(^|[^A-Za-z0-9])[Pp][Aa][Nn]([^A-Za-z0-9]|$)\
                      |^([Nn][Uu][Mm][Bb][Ee][Rr](_[Hh][Aa][Ss][Hh])?|[Tt][Oo][Kk][Ee][Nn])$";

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
const SPELLED: &str = "^[ -]*([0-9][ -]*){13,19}$";
const LEAST: i64 = 1_000_000_000_000;
const BEYOND: f64 = 1e19;

/// Any JSON in which no open card stands.
pub(super) struct WithoutOpenCard;

impl JsonSchema for WithoutOpenCard {
    fn schema_name() -> Cow<'static, str> {
        "WithoutOpenCard".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        generator.subschema_for::<NoCard>();
        generator.subschema_for::<NoCardNumber>();
        json_schema!({
            "description": "Any JSON without an open card: no object called bank_card, and no 13 to \
                            19 digits under a name that has card in it, or pan as a word, or is \
                            number, number_hash or token.",
            "additionalProperties": this,
            "items": this,
            "patternProperties": by_name(),
        })
    }
}

/// What stands under a name that is for open cards only.
struct NoCard;

impl JsonSchema for NoCard {
    fn schema_name() -> Cow<'static, str> {
        "NoCard".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        json_schema!({
            "description": "Anything but an object, in lists too.",
            "not": {"type": "object"},
            "items": this,
        })
    }
}

/// What stands under the name of a number.
struct NoCardNumber;

impl JsonSchema for NoCardNumber {
    fn schema_name() -> Cow<'static, str> {
        "NoCardNumber".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        json_schema!({
            "description": "Anything but 13 to 19 digits, with a sign or decimals too, and in lists too.",
            "not": {"anyOf": [
                {"type": "string", "pattern": SPELLED},
                {"type": "number", "minimum": LEAST, "exclusiveMaximum": BEYOND},
                {"type": "number", "maximum": -LEAST, "exclusiveMinimum": -BEYOND},
            ]},
            "items": this,
        })
    }
}

/// The rules by the name of a field.
fn by_name() -> Value {
    let number = [reference::<NoCardNumber>(), reference::<WithoutOpenCard>()];
    json!({BANK_CARD: reference::<NoCard>(), NUMBER: {"allOf": number}})
}

/// Where the definition of a type stands in the commands' schema.
fn reference<T: JsonSchema>() -> Value {
    json!({"$ref": format!("#/$defs/{}", T::schema_name())})
}

/// Applies the rules to a command: to all its fields but the metadata, which is the caller's.
pub(super) fn refuse(schema: &mut Schema) {
    let rule = json!({
        "properties": {"metadata": true},
        "patternProperties": by_name(),
        "additionalProperties": reference::<WithoutOpenCard>(),
    });
    schema.insert("allOf".into(), Value::Array(vec![rule]));
}
