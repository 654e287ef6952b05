//! Pages of a list.

/// Cuts a list that was asked for one more than `limit` down to a page, and answers its last item
/// when there are more: the next page begins after it.
pub(crate) fn cut<T>(items: &mut Vec<T>, limit: u32) -> Option<&T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    items.last().filter(|_| more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_a_page_tells_that_there_is_another() {
        let mut items = vec![1, 2, 3];
        assert_eq!(cut(&mut items, 2), Some(&2));
        assert_eq!(items, [1, 2]);
        assert_eq!(cut(&mut items, 2), None);
        assert_eq!(cut(&mut Vec::<i32>::new(), 2), None);
    }
}
