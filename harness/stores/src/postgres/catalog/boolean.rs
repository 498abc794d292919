//! Nested AND and OR. `a BETWEEN 1 AND 2 AND b` is stored as an AND inside of an AND and printed with that bracket; once
//! dumped and parsed again, it is one AND of three. Brackets that associativity makes superfluous are taken out.

/// The text without brackets around an AND that is itself an operand of an AND, and likewise for OR. Literals, quoted names
/// and bodies in dollar quotes stay as they are; so does every bracket that means something.
pub(super) fn flattened(text: &str) -> String {
    let tokens = tokens(text);
    let mut superfluous = Vec::new();
    let root = Group { open: 0, operator: Operator::Other, operands: Vec::new() };
    let mut stack = vec![(root, Operands::default())];
    for token in &tokens {
        let (_, operands) = match stack.last_mut() {
            Some(top) => top,
            // Unbalanced brackets: this is no expression.
            None => return text.to_owned(),
        };
        match token.kind {
            Kind::Open => {
                let group = Group { open: token.at, operator: Operator::None, operands: Vec::new() };
                stack.push((group, Operands::default()));
            }
            Kind::Close => {
                let Some((mut group, operands)) = stack.pop() else { return text.to_owned() };
                operands.close(&mut group);
                for inner in group.operands.drain(..) {
                    if group.operator != Operator::Other && inner.operator == group.operator {
                        superfluous.extend([inner.open, inner.close]);
                    }
                }
                let Some((_, outer)) = stack.last_mut() else { return text.to_owned() };
                outer.group(Inner { open: group.open, close: token.at, operator: group.operator });
            }
            Kind::Operator(operator) => operands.operator(operator),
            Kind::Foreign => operands.foreign(),
            Kind::Part => operands.part(),
        }
    }
    if stack.len() != 1 {
        return text.to_owned();
    }
    superfluous.sort_unstable();
    let mut done = String::with_capacity(text.len());
    let mut from = 0;
    for at in superfluous {
        done.push_str(&text[from..at]);
        from = at + 1;
    }
    done.push_str(&text[from..]);
    done
}

/// What connects the operands of a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    None,
    And,
    Or,
    /// Both, or something in which AND is no operator.
    Other,
}

#[derive(Debug)]
struct Group {
    open: usize,
    operator: Operator,
    /// Operands that consist of nothing but a bracket.
    operands: Vec<Inner>,
}

#[derive(Debug, Clone, Copy)]
struct Inner {
    open: usize,
    close: usize,
    operator: Operator,
}

/// The operands of a bracket that is still open.
#[derive(Debug)]
struct Operands {
    operator: Operator,
    /// Those seen so far that are nothing but a bracket.
    brackets: Vec<Inner>,
    /// The one being read.
    current: Option<Inner>,
    parts: usize,
}

impl Default for Operands {
    fn default() -> Self {
        Self { operator: Operator::None, brackets: Vec::new(), current: None, parts: 0 }
    }
}

impl Operands {
    fn group(&mut self, inner: Inner) {
        self.parts += 1;
        self.current = Some(inner);
    }

    fn part(&mut self) {
        self.parts += 1;
    }

    fn foreign(&mut self) {
        self.operator = Operator::Other;
    }

    fn operator(&mut self, operator: Operator) {
        self.end_of_operand();
        self.operator = match self.operator {
            Operator::None => operator,
            same if same == operator => same,
            _ => Operator::Other,
        };
    }

    fn end_of_operand(&mut self) {
        let bracket = self.current.take().filter(|_| self.parts == 1);
        self.brackets.extend(bracket);
        self.parts = 0;
    }

    fn close(mut self, group: &mut Group) {
        self.end_of_operand();
        group.operator = match self.operator {
            // A bracket without an operator is none of ours.
            Operator::None => Operator::Other,
            operator => operator,
        };
        group.operands = self.brackets;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Operator(Operator),
    /// A word or sign beside which AND may be part of something else: `BETWEEN x AND y`, or operands end: a comma.
    Foreign,
    Part,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    at: usize,
    kind: Kind,
}

const FOREIGN: [&str; 16] = [
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "SELECT",
    "FROM",
    "WHERE",
    "ON",
    "HAVING",
    "JOIN",
    "UNION",
    "VALUES",
    "RETURNING",
    "USING",
];

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let kind = match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'(' => {
                at += 1;
                Kind::Open
            }
            b')' => {
                at += 1;
                Kind::Close
            }
            b',' | b';' => {
                at += 1;
                Kind::Foreign
            }
            b'\'' | b'"' => {
                at = quoted(bytes, at, Backslash::Plain);
                Kind::Part
            }
            b'E' | b'e' if bytes.get(at + 1) == Some(&b'\'') => {
                at = quoted(bytes, at + 1, Backslash::Escapes);
                Kind::Part
            }
            b'$' => {
                at = dollar_quoted(text, at);
                Kind::Part
            }
            _ if is_word(byte) => {
                while bytes.get(at).is_some_and(|&b| is_word(b) || b == b'$') {
                    at += 1;
                }
                match &text[start..at] {
                    "AND" => Kind::Operator(Operator::And),
                    "OR" => Kind::Operator(Operator::Or),
                    word if FOREIGN.contains(&word) => Kind::Foreign,
                    _ => Kind::Part,
                }
            }
            _ => {
                at += 1;
                Kind::Part
            }
        };
        tokens.push(Token { at: start, kind });
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escapes,
}

/// Where a literal or a quoted name that opens at `at` has ended. A doubled quote is a part of it.
fn quoted(bytes: &[u8], at: usize, backslash: Backslash) -> usize {
    let quote = bytes[at];
    let mut at = at + 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == b'\\' && backslash == Backslash::Escapes {
            at += 1;
        } else if byte == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    bytes.len()
}

/// Where a body in dollar quotes has ended; behind the sign, if it opens none.
fn dollar_quoted(text: &str, at: usize) -> usize {
    let rest = &text[at + 1..];
    let Some(length) = rest.find('$') else { return at + 1 };
    let tag = &text[at..at + length + 2];
    if !tag[1..tag.len() - 1].bytes().all(is_word) {
        return at + 1;
    }
    let body = at + tag.len();
    text[body..].find(tag).map_or(text.len(), |end| body + end + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brackets_that_associativity_makes_superfluous_go() {
        for (written, restored) in [
            ("CHECK ((((a > 1) OR (b > 2)) OR (c > 3)))", "CHECK (((a > 1) OR (b > 2) OR (c > 3)))"),
            ("(((a >= 1) AND (a <= 2)) AND (b OR c))", "((a >= 1) AND (a <= 2) AND (b OR c))"),
            ("((((x OR y) OR z) OR w))", "((x OR y OR z OR w))"),
            ("(x OR (y OR (z OR w)))", "(x OR y OR z OR w)"),
        ] {
            assert_eq!(flattened(written), restored);
            assert_eq!(flattened(restored), restored);
        }
    }

    #[test]
    fn brackets_that_mean_something_stay() {
        for text in [
            "((A OR B) AND C)",
            "(A OR (B AND C))",
            "((A AND B) IS NULL AND C)",
            "(NOT (A AND B) AND C)",
            "(f(A AND B) AND C)",
            "('(A AND B) AND C' = d)",
            "((x ~ '(' AND y) OR (z = E'\\'(' AND w))",
            "AS $function$ (((a OR b) OR c)) $function$",
            "(sum(x) OVER (ROWS BETWEEN (1 AND 2) AND CURRENT ROW))",
            "((a AND b), (c AND d))",
            "((a AND b) AND c",
            "(a AND b)) AND c",
        ] {
            assert_eq!(flattened(text), text);
        }
    }

    #[derive(Debug, Clone)]
    enum Tree {
        Leaf(usize),
        Not(Box<Tree>),
        All(Vec<Tree>),
        Any(Vec<Tree>),
    }

    const LEAVES: [&str; 4] = ["(a = ') AND ('::text)", "\"or(\"", "f(b)", "(c[1] IS NULL)"];

    impl Tree {
        fn print(&self) -> String {
            let join = |parts: &[Self], by: &str| {
                format!("({})", parts.iter().map(Self::print).collect::<Vec<_>>().join(by))
            };
            match self {
                Self::Leaf(n) => LEAVES[*n].to_owned(),
                Self::Not(inner) => format!("(NOT {})", inner.print()),
                Self::All(parts) => join(parts, " AND "),
                Self::Any(parts) => join(parts, " OR "),
            }
        }

        /// As PostgreSQL's parser makes it.
        fn merged(&self) -> Self {
            match self {
                Self::Leaf(n) => Self::Leaf(*n),
                Self::Not(inner) => Self::Not(Box::new(inner.merged())),
                Self::All(parts) => Self::All(
                    parts
                        .iter()
                        .map(Self::merged)
                        .flat_map(|p| if let Self::All(q) = p { q } else { vec![p] })
                        .collect(),
                ),
                Self::Any(parts) => Self::Any(
                    parts
                        .iter()
                        .map(Self::merged)
                        .flat_map(|p| if let Self::Any(q) = p { q } else { vec![p] })
                        .collect(),
                ),
            }
        }

        /// In three values: 0 false, 1 unknown, 2 true.
        fn value(&self, leaves: &[u8; 4]) -> u8 {
            match self {
                Self::Leaf(n) => leaves[*n],
                Self::Not(inner) => 2 - inner.value(leaves),
                Self::All(parts) => parts.iter().map(|p| p.value(leaves)).min().unwrap_or(2),
                Self::Any(parts) => parts.iter().map(|p| p.value(leaves)).max().unwrap_or(0),
            }
        }
    }

    fn trees() -> impl Strategy<Value = Tree> {
        (0..LEAVES.len()).prop_map(Tree::Leaf).prop_recursive(4, 24, 3, |inner| {
            let several = || proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                inner.clone().prop_map(|t| Tree::Not(Box::new(t))),
                several().prop_map(Tree::All),
                several().prop_map(Tree::Any),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn what_a_restore_merges_is_equal(tree in trees()) {
            prop_assert_eq!(flattened(&tree.print()), tree.merged().print());
        }

        #[test]
        fn what_becomes_equal_means_the_same(a in trees(), b in trees()) {
            if flattened(&a.print()) == flattened(&b.print()) {
                for n in 0..81_u8 {
                    let leaves = [n % 3, n / 3 % 3, n / 9 % 3, n / 27];
                    prop_assert_eq!(a.value(&leaves), b.value(&leaves));
                }
            }
        }
    }
}
