//! What must not compile, with the message that says why, and a twin that compiles beside it.

#[test]
fn what_must_not_compile_does_not() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*_fails.rs");
    cases.pass("tests/ui/*_builds.rs");
}
