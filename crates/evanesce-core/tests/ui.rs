//! What must not be said does not compile, and its twin beside it does.

#[test]
fn a_witness_is_made_by_its_check_alone() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
