//! What is not seen in a text.

/// Characters that show nothing, or turn or hide what stands beside them: a text is read as it
/// looks.
pub fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
