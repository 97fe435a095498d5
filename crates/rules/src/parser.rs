//! Tokens to a tree of statements, by recursive descent, bounded in depth and number.
//!
//! After a fault the parser goes on behind the next `;` or `}`, so that one load names several faults. It
//! knows no command: names and arguments are the checker's.

use std::ops::Range;

use crate::diagnostic::Report;
use crate::lexer::{Placed, Token};

/// Deepest nesting of blocks, parentheses and negations.
const DEPTH_MAX: usize = 64;
/// Most statements of a rule set.
const STATEMENTS_MAX: usize = 10_000;
/// Most arguments of a call; more are cut off, and the checker complains about their number.
const ARGUMENTS_MAX: usize = 100;

/// One argument as written.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub(crate) text: String,
    pub(crate) is_integer: bool,
    pub(crate) span: Range<usize>,
}

/// `name(arguments)`.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) name_span: Range<usize>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) span: Range<usize>,
}

/// What stands behind `if`.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Call(Call),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

/// One step of a rule set.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Call(Call),
    /// `if … else if … else …`: the branches in order, and what is done when none applies.
    If {
        branches: Vec<(Condition, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
}

/// Parses the whole text. After errors the tree is incomplete; the report says so.
pub(crate) fn parse(tokens: &[Placed], length: usize, report: &mut Report<'_>) -> Vec<Statement> {
    let mut parser = Parser { tokens, at: 0, end: length, depth: 0, statements: 0, report };
    let mut all = Vec::new();
    while parser.peek().is_some() && parser.statements <= STATEMENTS_MAX {
        parser.block_into(&mut all);
        if parser.peek().is_some() && parser.statements <= STATEMENTS_MAX {
            let span = parser.span();
            parser.report.error(&span, "this `}` closes nothing", Some("remove it, or add the `{` that it belongs to".into()));
            parser.at += 1;
        }
    }
    all
}

struct Parser<'t, 'r, 's> {
    tokens: &'t [Placed],
    at: usize,
    end: usize,
    depth: usize,
    statements: usize,
    report: &'r mut Report<'s>,
}

/// A fault was reported; the caller goes on at a place where it knows what to expect.
struct Failed;

impl<'t> Parser<'t, '_, '_> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn previous_end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |(_, span)| span.end)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name)) if name.eq_ignore_ascii_case(word))
    }

    fn expected(&mut self, what: &str) -> Failed {
        let found = self.peek().map_or_else(|| "the end of the text".to_owned(), Token::describe);
        // A missing sign is shown where it should stand: behind what came before it.
        let span = if what == "`;`" { self.previous_end().saturating_sub(1)..self.previous_end() } else { self.span() };
        self.report.error(&span, format!("found {found}"), Some(format!("expected {what}")));
        Failed
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), Failed> {
        if self.take(wanted) { Ok(()) } else { Err(self.expected(&wanted.describe())) }
    }

    fn deeper(&mut self) -> Result<(), Failed> {
        self.depth += 1;
        if self.depth <= DEPTH_MAX {
            return Ok(());
        }
        let span = self.span();
        self.report.error(&span, format!("nested deeper than {DEPTH_MAX} levels"), Some("use `else if`, or simplify".into()));
        self.at = self.tokens.len();
        Err(Failed)
    }

    /// Statements up to `}` or the end, which stay.
    fn block_into(&mut self, block: &mut Vec<Statement>) {
        while !matches!(self.peek(), None | Some(Token::BlockClose)) {
            if self.take(&Token::Semicolon) {
                continue;
            }
            self.statements += 1;
            if self.statements > STATEMENTS_MAX {
                let span = self.span();
                self.report.error(&span, format!("more than {STATEMENTS_MAX} statements"), None);
                self.at = self.tokens.len();
                return;
            }
            match self.statement() {
                Ok(statement) => block.push(statement),
                Err(Failed) => self.recover(),
            }
        }
    }

    /// Goes on behind the next `;`, or behind the block that follows first.
    fn recover(&mut self) {
        let mut open = 0usize;
        while let Some(token) = self.peek() {
            match token {
                Token::BlockClose if open == 0 => return,
                Token::BlockOpen => open += 1,
                Token::BlockClose => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 && matches!(token, Token::Semicolon | Token::BlockClose) {
                return;
            }
        }
    }

    fn statement(&mut self) -> Result<Statement, Failed> {
        if self.is_word("if") {
            return self.conditional();
        }
        if self.is_word("else") {
            let span = self.span();
            self.report.error(&span, "this `else` belongs to no `if`", Some("an `else` follows the `}` of an `if`".into()));
            self.at += 1;
            return Err(Failed);
        }
        let call = self.call("a command")?;
        self.expect(&Token::Semicolon)?;
        Ok(Statement::Call(call))
    }

    fn conditional(&mut self) -> Result<Statement, Failed> {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        loop {
            self.at += 1; // the word `if`
            self.expect(&Token::Open)?;
            let condition = self.either()?;
            self.expect(&Token::Close)?;
            branches.push((condition, self.braces()?));
            if !self.is_word("else") {
                break;
            }
            self.at += 1;
            if !self.is_word("if") {
                otherwise = self.braces()?;
                break;
            }
        }
        Ok(Statement::If { branches, otherwise })
    }

    fn braces(&mut self) -> Result<Vec<Statement>, Failed> {
        let open = self.span();
        self.expect(&Token::BlockOpen)?;
        self.deeper()?;
        let mut block = Vec::new();
        self.block_into(&mut block);
        self.depth -= 1;
        if self.take(&Token::BlockClose) {
            return Ok(block);
        }
        self.report.error(&open, "this block does not end", Some("expected `}`".into()));
        Err(Failed)
    }

    fn either(&mut self) -> Result<Condition, Failed> {
        let mut all = vec![self.both()?];
        while self.take(&Token::Or) {
            all.push(self.both()?);
        }
        Ok(single(all).unwrap_or_else(Condition::Or))
    }

    fn both(&mut self) -> Result<Condition, Failed> {
        let mut all = vec![self.negation()?];
        while self.take(&Token::And) {
            all.push(self.negation()?);
        }
        Ok(single(all).unwrap_or_else(Condition::And))
    }

    fn negation(&mut self) -> Result<Condition, Failed> {
        if self.take(&Token::Not) {
            self.deeper()?;
            let inner = self.negation()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take(&Token::Open) {
            self.deeper()?;
            let inner = self.either()?;
            self.depth -= 1;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        self.call("a command, `!` or `(`").map(Condition::Call)
    }

    fn call(&mut self, what: &str) -> Result<Call, Failed> {
        let name_span = self.span();
        let Some(Token::Name(name)) = self.peek() else {
            return Err(self.expected(what));
        };
        self.at += 1;
        self.expect(&Token::Open)?;
        let mut arguments = Vec::new();
        if !self.take(&Token::Close) {
            loop {
                let argument = self.argument()?;
                if arguments.len() < ARGUMENTS_MAX {
                    arguments.push(argument);
                }
                if self.take(&Token::Close) {
                    break;
                }
                if !self.take(&Token::Comma) {
                    return Err(self.expected("`,` or `)`"));
                }
            }
        }
        let span = name_span.start..self.previous_end();
        Ok(Call { name: name.clone(), name_span, arguments, span })
    }

    fn argument(&mut self) -> Result<Argument, Failed> {
        let span = self.span();
        let (text, is_integer) = match self.peek() {
            Some(Token::Text(literal)) => (literal.text.clone(), false),
            Some(Token::Integer(digits)) => (digits.clone(), true),
            Some(Token::Name(word)) => {
                let hint = format!("a text stands in quotes: '{word}'");
                self.report.error(&span, format!("the bare word `{word}` is no argument"), Some(hint));
                self.at += 1;
                return Err(Failed);
            }
            _ => return Err(self.expected("a string in quotes or an unsigned integer")),
        };
        self.at += 1;
        Ok(Argument { text, is_integer, span })
    }
}

/// The only one, or all of them back.
fn single(mut all: Vec<Condition>) -> Result<Condition, Vec<Condition>> {
    if all.len() == 1 { all.pop().ok_or(all) } else { Err(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn faults(text: &str) -> Vec<String> {
        let mut report = Report::new("t", text);
        let found = tokens(text, &mut report);
        parse(&found, text.len(), &mut report);
        report
            .into_found()
            .iter()
            .map(|d| format!("{}:{} {} / {}", d.line, d.column, d.message, d.hint.clone().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn the_forms_of_the_language_parse() {
        let text = "Drop (550, 'x');; # c\nif(!a() && (b() || !!c())) { d(); } else if (e()) { } else { if (f()) { g('1', \"2\"); } } h();";
        assert_eq!(faults(text), Vec::<String>::new());
    }

    #[test]
    fn each_fault_names_its_place_and_what_was_expected() {
        assert_eq!(faults("a()\nb();"), ["1:3 found `b` / expected `;`"]);
        assert_eq!(faults("a(x); b(y);").len(), 2, "goes on after a fault");
        assert_eq!(faults("if (a()) b();"), ["1:10 found `b` / expected `{`"]);
        assert_eq!(faults("if () { }"), ["1:5 found `)` / expected a command, `!` or `(`"]);
        assert_eq!(faults("if (a()) { b();"), ["1:10 this block does not end / expected `}`"]);
        assert_eq!(faults("}"), ["1:1 this `}` closes nothing / remove it, or add the `{` that it belongs to"]);
        assert_eq!(faults("a(1,);"), ["1:5 found `)` / expected a string in quotes or an unsigned integer"]);
        assert_eq!(faults("a(-1);").len(), 1);
        assert_eq!(faults("else { }")[0], "1:1 this `else` belongs to no `if` / an `else` follows the `}` of an `if`");
    }

    #[test]
    fn x_11_depth_and_number_are_bounded() {
        for deep in ["if (a()) { ".repeat(10_000), format!("if ({}a()) {{ }}", "!".repeat(100_000)), format!("if ({}", "(".repeat(100_000))]
        {
            assert!(faults(&deep).iter().any(|f| f.contains("nested deeper")), "{}", deep.len());
        }
        assert!(faults(&"a();".repeat(20_000)).iter().any(|f| f.contains("statements")));
        let chain = format!("if (a()) {{ }} {}", "else if (b()) { b(); } ".repeat(1000));
        assert!(faults(&chain).is_empty(), "a long chain of else if is not deep");
    }
}
