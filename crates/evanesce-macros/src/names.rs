//! Names as they appear in stores, notices and tables.

/// `PageViewed` becomes `page_viewed`, `HTTPStatus` becomes `http_status`.
pub(crate) fn snake_case(name: &str) -> String {
    let name: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in name.iter().enumerate() {
        let follows_lower = at > 0 && !name[at - 1].is_uppercase() && name[at - 1] != '_';
        let starts_word = at > 0
            && name[at - 1].is_uppercase()
            && name.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (follows_lower || starts_word) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn words_are_told_apart() {
        assert_eq!(snake_case("Usage"), "usage");
        assert_eq!(snake_case("PageViewed"), "page_viewed");
        assert_eq!(snake_case("HTTPStatus"), "http_status");
        assert_eq!(snake_case("Step2Done"), "step2_done");
        assert_eq!(snake_case("r#Type"), "type");
        assert_eq!(snake_case("already_snake"), "already_snake");
    }
}
