//! Text to tokens (ruleset-language.md "Form"): names, strings, unsigned integers, signs, comments.
//!
//! Total: any text gives tokens and findings, never a panic. Backslashes stand as written; only `\'` and
//! `\"` make a quote. A line break inside a string is dropped with the indentation after it, with a warning.

use std::ops::Range;

use logos::{Lexer, Logos};

use crate::diagnostic::Report;

/// A string as it is meant, and whether line breaks were dropped from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) broken: bool,
}

/// One sign of the language.
#[derive(Debug, Clone, PartialEq, Eq, Logos)]
#[logos(error = Unreadable)]
#[logos(skip r"[ \t\r\n\f\u{feff}]+")]
#[logos(skip(r"#[^\n]*", allow_greedy = true))]
pub(crate) enum Token {
    #[regex("[A-Za-z_][A-Za-z0-9_]*", |lex| lex.slice().to_owned())]
    Name(String),
    #[regex("[0-9]+", |lex| lex.slice().to_owned())]
    Integer(String),
    #[token("'", string)]
    #[token("\"", string)]
    Text(Literal),
    #[token("(")]
    Open,
    #[token(")")]
    Close,
    #[token("{")]
    BlockOpen,
    #[token("}")]
    BlockClose,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token("!")]
    Not,
    #[token("&&")]
    And,
    #[token("||")]
    Or,
}

/// Why no token stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unreadable {
    #[default]
    Character,
    Unterminated,
}

impl Token {
    /// How a message names it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Integer(digits) => format!("the number {digits}"),
            Self::Text(_) => "a string".to_owned(),
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::BlockOpen => "`{`".to_owned(),
            Self::BlockClose => "`}`".to_owned(),
            Self::Comma => "`,`".to_owned(),
            Self::Semicolon => "`;`".to_owned(),
            Self::Not => "`!`".to_owned(),
            Self::And => "`&&`".to_owned(),
            Self::Or => "`||`".to_owned(),
        }
    }
}

/// A token and the bytes that it came from.
pub(crate) type Placed = (Token, Range<usize>);

/// All tokens of the text; what is no token is reported and left out.
pub(crate) fn tokens(text: &str, report: &mut Report<'_>) -> Vec<Placed> {
    let mut placed = Vec::new();
    for (token, span) in Token::lexer(text).spanned() {
        match token {
            Ok(token) => {
                if matches!(&token, Token::Text(literal) if literal.broken) {
                    let line = report.line(span.start);
                    report.warning(&span, format!("the string that begins in line {line} goes over a line break, which is dropped"), None);
                }
                placed.push((token, span));
            }
            Err(Unreadable::Character) => {
                let sign = text.get(span.clone()).unwrap_or_default();
                let hint = match sign {
                    "&" => Some("write `&&`".to_owned()),
                    "|" => Some("write `||`".to_owned()),
                    _ => None,
                };
                report.error(&span, format!("{sign:?} has no meaning here"), hint);
            }
            Err(Unreadable::Unterminated) => {
                let hint = r#"close it with the quote that opened it; \' and \" stand for a quote inside"#;
                report.error(&(span.start..span.start + 1), "this string does not end", Some(hint.to_owned()));
            }
        }
    }
    placed
}

fn string(lex: &mut Lexer<'_, Token>) -> Result<Literal, Unreadable> {
    let quote = lex.slice().chars().next().unwrap_or('"');
    let mut literal = Literal { text: String::new(), broken: false };
    let mut signs = lex.remainder().char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        match sign {
            _ if sign == quote => {
                lex.bump(at + sign.len_utf8());
                return Ok(literal);
            }
            '\\' => match signs.next_if(|(_, next)| matches!(next, '\'' | '"')) {
                Some((_, escaped)) => literal.text.push(escaped),
                None => literal.text.push('\\'),
            },
            '\r' | '\n' => {
                literal.broken = true;
                while signs.next_if(|(_, next)| matches!(next, ' ' | '\t' | '\r' | '\n')).is_some() {}
            }
            _ => literal.text.push(sign),
        }
    }
    lex.bump(lex.remainder().len());
    Err(Unreadable::Unterminated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        let mut report = Report::new("t", source);
        let found = tokens(source, &mut report);
        found.into_iter().filter_map(|(t, _)| if let Token::Text(l) = t { Some(l.text) } else { None }).collect()
    }

    #[test]
    fn backslashes_stand_as_written_and_make_only_quotes() {
        assert_eq!(texts(r#"'\[secret\]' 'it\'s' "say \"hi\"" '\d\\n'"#), [r"\[secret\]", "it's", "say \"hi\"", r"\d\\n"]);
        assert_eq!(texts("\"it's # no comment\" # 'comment'"), ["it's # no comment"]);
    }

    #[test]
    fn a_line_break_in_a_string_is_dropped_with_a_warning() {
        let source = "log(1, 'one\r\n      two');";
        let mut report = Report::new("t", source);
        let found = tokens(source, &mut report);
        assert!(found.iter().any(|(t, _)| matches!(t, Token::Text(l) if l.text == "onetwo")));
        let warnings = report.into_found();
        assert!(warnings[0].message.contains("line 1"), "{warnings:?}");
    }

    #[test]
    fn what_is_no_token_is_named() {
        for (source, word) in [("'open", "does not end"), ("a & b", "has no meaning"), ("€", "has no meaning"), ("\0", "has no meaning")]
        {
            let mut report = Report::new("t", source);
            tokens(source, &mut report);
            assert!(report.failed(), "{source}");
            assert!(report.into_found()[0].message.contains(word), "{source}");
        }
    }
}
