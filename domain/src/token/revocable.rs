use std::collections::HashSet;
use std::ops::Deref;

use super::{Token, TokenId};

/// Tokens that a change may revoke, which it dereferences to. It includes damaged rows with the
/// fields that revocation requires. Stores delete the rows of damaged tokens instead of revoking
/// them, because their tombstones would be damaged, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocableTokens {
    tokens: Vec<Token>,
    damaged: HashSet<TokenId>,
}

impl RevocableTokens {
    /// Returns whether the row of this token is damaged.
    #[must_use]
    pub fn is_damaged(&self, id: TokenId) -> bool {
        self.damaged.contains(&id)
    }

    /// Returns the tokens with damaged rows.
    #[must_use]
    pub fn damaged(&self) -> Vec<Token> {
        let damaged = self.tokens.iter().filter(|token| self.is_damaged(token.id));
        damaged.cloned().collect()
    }
}

impl Deref for RevocableTokens {
    type Target = Vec<Token>;

    fn deref(&self) -> &Vec<Token> {
        &self.tokens
    }
}

impl FromIterator<(Token, bool)> for RevocableTokens {
    /// Collects tokens, each with whether its row is damaged.
    fn from_iter<I: IntoIterator<Item = (Token, bool)>>(read: I) -> Self {
        let mut revocable = Self::default();
        for (token, is_damaged) in read {
            revocable.damaged.extend(is_damaged.then_some(token.id));
            revocable.tokens.push(token);
        }
        revocable
    }
}

impl From<Vec<Token>> for RevocableTokens {
    fn from(tokens: Vec<Token>) -> Self {
        Self {
            tokens,
            damaged: HashSet::new(),
        }
    }
}
