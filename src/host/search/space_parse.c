/* The one-line form of a parameter: NAME=VALUE,... or NAME=[DISTRIBUTION:]MIN..MAX[:Q] or
 * NAME=DISTRIBUTION:MU,SIGMA[:Q]. See caviar_space_parse. */
#include "space.h"

#include "host/arithmetic.h"
#include "host/status.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const forms =
    "write NAME=VALUE, NAME=VALUE,VALUE,..., NAME=MIN..MAX or "
    "NAME=DISTRIBUTION:MIN..MAX[:Q]; of a normal distribution NAME=DISTRIBUTION:MU,SIGMA[:Q]";

/* Cuts the spaces off both ends, in place. */
static char *trim(char *text) {
    while (isspace((unsigned char)*text)) ++text;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) --length;
    text[length] = '\0';
    return text;
}

static caviar_status parse_number(double *value, const char *name, const char *what, char *text) {
    const char *number = trim(text);
    CAVIAR_REQUIRE(caviar_number_parse(value, number), "%s: the %s \"%.64s\" is not a number; %s", name, what, number,
                   forms);
    return CAVIAR_OK;
}

static caviar_status parse_range(caviar_space *space, const caviar_hyperparameter *hyperparameter, char *text) {
    caviar_distribution distribution = hyperparameter->scale;
    double minimum, maximum, quantum = 0;
    char *dots = strstr(text, ".."), *colon = strchr(text, ':');
    if (colon != NULL && colon < dots) {
        *colon = '\0';
        CAVIAR_TRY(caviar_distribution_parse(&distribution, trim(text)));
        text = colon + 1;
    }
    char *upper = dots + 2, *second = strchr(upper, ':');
    *dots = '\0';
    if (second != NULL) {
        *second = '\0';
        CAVIAR_TRY(parse_number(&quantum, hyperparameter->name, "quantum", second + 1));
    }
    if (hyperparameter->type != CAVIAR_CHOICE) { /* else caviar_space_add_range says what is wrong */
        CAVIAR_TRY(parse_number(&minimum, hyperparameter->name, "minimum", text));
        CAVIAR_TRY(parse_number(&maximum, hyperparameter->name, "maximum", upper));
    } else {
        distribution = CAVIAR_UNIFORM;
        minimum = maximum = 0;
    }
    return caviar_space_add_range(space, hyperparameter->name, distribution, minimum, maximum, quantum);
}

/* DISTRIBUTION:MU,SIGMA[:Q]; `colon` is the first one. */
static caviar_status parse_normal(caviar_space *space, const char *name, char *text, char *colon) {
    caviar_distribution distribution;
    double mean, deviation, quantum = 0;
    *colon = '\0';
    CAVIAR_TRY(caviar_distribution_parse(&distribution, trim(text)));
    char *first = colon + 1, *second = strchr(first, ':'), *comma = strchr(first, ',');
    if (second != NULL) *second++ = '\0';
    CAVIAR_REQUIRE(caviar_distribution_is_normal(distribution) && comma != NULL,
                   "%s: \"%.64s\" has a colon but no range and no MU,SIGMA of a normal distribution; %s", name,
                   trim(first), forms);
    *comma++ = '\0';
    CAVIAR_TRY(parse_number(&mean, name, "mu", first));
    CAVIAR_TRY(parse_number(&deviation, name, "sigma", comma));
    if (second != NULL) CAVIAR_TRY(parse_number(&quantum, name, "quantum", second));
    return caviar_space_add_normal(space, name, distribution, mean, deviation, quantum);
}

static caviar_status parse_values(caviar_space *space, const caviar_hyperparameter *hyperparameter, char *text) {
    const char *values[CAVIAR_MAX_VALUES + 1];
    int32_t count = 0;
    for (char *next = text; next != NULL && count <= CAVIAR_MAX_VALUES;) {
        char *value = next;
        next = strchr(value, ',');
        if (next != NULL) *next++ = '\0';
        values[count++] = trim(value);
    }
    return caviar_space_add_values(space, hyperparameter->name, values, count);
}

static caviar_status parse_line(caviar_space *space, char *line) {
    char *equals = strchr(line, '=');
    CAVIAR_REQUIRE(equals != NULL, "\"%.64s\" has no \"=\": %s", line, forms);
    *equals = '\0';
    const caviar_hyperparameter *hyperparameter;
    CAVIAR_TRY(caviar_hyperparameter_require(&hyperparameter, trim(line)));
    char *text = trim(equals + 1);
    CAVIAR_REQUIRE(*text != '\0', "%s has no value: %s", hyperparameter->name, forms);
    if (strstr(text, "..") != NULL) return parse_range(space, hyperparameter, text);
    char *colon = strchr(text, ':');
    if (colon != NULL) return parse_normal(space, hyperparameter->name, text, colon);
    return parse_values(space, hyperparameter, text);
}

caviar_status caviar_space_parse(caviar_space *space, const char *text) {
    CAVIAR_OWN_ARITHMETIC;
    CAVIAR_REQUIRE(space != NULL && text != NULL, "caviar_space_parse: an argument is NULL");
    char *line = strdup(text);
    if (line == NULL) return caviar_fail_memory("a line of a search space", strlen(text) + 1);
    const caviar_status status = parse_line(space, line);
    free(line);
    return status;
}
