/*
 * As much of Criterion as the tests of the operations use, for where the library is not at hand or a program of many
 * test files is wanted: put this folder on the include path and compile ../criterion.c into the program. A condition
 * is evaluated once; a message's format must be a literal.
 */
#ifndef CAVIAR_STAND_IN_CRITERION_H
#define CAVIAR_STAND_IN_CRITERION_H

#include <math.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stand_in_options {
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* in seconds; 0: none */
};

struct stand_in_test {
    const char *suite, *name; /* name NULL: a suite, whose options its tests take where they have none */
    void (*run)(void);
    struct stand_in_options options;
    struct stand_in_test *next;
};

void stand_in_register(struct stand_in_test *test);
/* Notes a failure of the running test, which ends with it if `ends`. */
void stand_in_fail(int ends, const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Ends the running test, which counts as skipped. */
void stand_in_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#ifdef __cplusplus
}
#endif

#define STAND_IN_REGISTER(suite, name, text, function, ...)                                                            \
    static struct stand_in_test suite##_##name##_entry = { #suite, text, function, { __VA_ARGS__ }, NULL };            \
    __attribute__((constructor)) static void suite##_##name##_register(void) {                                         \
        stand_in_register(&suite##_##name##_entry);                                                                    \
    }
#define Test(suite, name, ...)                                                                                         \
    static void suite##_##name##_test(void);                                                                           \
    STAND_IN_REGISTER(suite, name, #name, suite##_##name##_test, __VA_ARGS__)                                          \
    static void suite##_##name##_test(void)
#define TestSuite(suite, ...) STAND_IN_REGISTER(suite, of_tests, NULL, NULL, __VA_ARGS__)

#define STAND_IN_CHECK(ends, condition, text, ...)                                                                     \
    ((condition) ? (void)0 : stand_in_fail(ends, __FILE__, __LINE__, text, " " __VA_ARGS__))

#define cr_assert(condition, ...) STAND_IN_CHECK(1, condition, #condition, __VA_ARGS__)
#define cr_assert_not(condition, ...) STAND_IN_CHECK(1, !(condition), "not " #condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) STAND_IN_CHECK(1, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) STAND_IN_CHECK(1, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) STAND_IN_CHECK(1, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) STAND_IN_CHECK(1, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) STAND_IN_CHECK(1, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) STAND_IN_CHECK(1, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...) STAND_IN_CHECK(1, (p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_assert_not_null(p, ...) STAND_IN_CHECK(1, (p) != NULL, #p " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) STAND_IN_CHECK(1, strcmp(a, b) == 0, #a " equals " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) STAND_IN_CHECK(1, strcmp(a, b) != 0, #a " differs from " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) STAND_IN_CHECK(1, *(a) == '\0', #a " is empty", __VA_ARGS__)
/* As a bound that NaN fails. */
#define cr_assert_float_eq(a, b, e, ...) STAND_IN_CHECK(1, fabs((a) - (b)) <= (e), #a " is near " #b, __VA_ARGS__)

#define cr_expect(condition, ...) STAND_IN_CHECK(0, condition, #condition, __VA_ARGS__)
#define cr_expect_not(condition, ...) STAND_IN_CHECK(0, !(condition), "not " #condition, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) STAND_IN_CHECK(0, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) STAND_IN_CHECK(0, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) STAND_IN_CHECK(0, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) STAND_IN_CHECK(0, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) STAND_IN_CHECK(0, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) STAND_IN_CHECK(0, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(p, ...) STAND_IN_CHECK(0, (p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_expect_not_null(p, ...) STAND_IN_CHECK(0, (p) != NULL, #p " is not NULL", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) STAND_IN_CHECK(0, strcmp(a, b) == 0, #a " equals " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) STAND_IN_CHECK(0, strcmp(a, b) != 0, #a " differs from " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...) STAND_IN_CHECK(0, fabs((a) - (b)) <= (e), #a " is near " #b, __VA_ARGS__)

#define cr_skip_test(...) stand_in_skip(" " __VA_ARGS__)
#define cr_log_info(...) ((void)0)

#endif
