#include "model_columns.h"

#include "host/data/names.h"
#include "host/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = { "number", "date", "text" };

/* ------------------------------------------------------------------------------------------------------------- writing
 */

static json_t *levels_to_json(const caviar_encoding *e) {
    json_t *levels = json_array();
    for (int32_t l = 0; levels && l < e->level_count; l++) {
        if (json_array_append_new(levels, json_string(e->levels[l])) == 0) continue;
        json_decref(levels);
        return NULL;
    }
    return levels;
}

static json_t *column_to_json(const caviar_encoding *e) {
    const char *kind = kind_names[e->kind];
    if (e->kind == CAVIAR_COLUMN_TEXT)
        return json_pack("{s:s?, s:s, s:o}", "name", e->name, "kind", kind, "levels", levels_to_json(e));
    return json_pack("{s:s?, s:s, s:f, s:f, s:b}", "name", e->name, "kind", kind, "origin", e->origin, "fill",
                     (double)e->fill, "indicator", e->indicator);
}

json_t *caviar_columns_to_json(const caviar_columns *columns) {
    json_t *array = json_array();
    for (int64_t i = 0; array && i < columns->count; i++) {
        if (json_array_append_new(array, column_to_json(&columns->items[i])) == 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}

static caviar_status check_utf8(const char *text, const char *what) {
    CAVIAR_REQUIRE(!text || caviar_is_utf8(text, strlen(text)), "model_save: the name of %s is not valid UTF-8", what);
    return CAVIAR_OK;
}

caviar_status caviar_columns_check_utf8(const caviar_columns *columns) {
    CAVIAR_TRY(check_utf8(columns->label_name, "the label"));
    for (int64_t i = 0; i < columns->count; i++) {
        CAVIAR_TRY(check_utf8(columns->items[i].name, "a column"));
        for (int32_t l = 0; l < columns->items[i].level_count; l++)
            CAVIAR_TRY(check_utf8(columns->items[i].levels[l], "a text of a column"));
    }
    return CAVIAR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- reading
 */

/* 1: read; 0: it is not what it should be; -1: out of memory. */
static int read_levels(caviar_encoding *e, const json_t *levels) {
    const size_t count = json_array_size(levels);
    const char *texts[CAVIAR_MAX_LEVELS + 1];
    if (!json_is_array(levels) || count > CAVIAR_MAX_LEVELS + 1) return 0;
    for (size_t l = 0; l < count; l++) {
        texts[l] = json_string_value(json_array_get(levels, l));
        if (!texts[l] || (l > 0 && strcmp(texts[l - 1], texts[l]) >= 0)) return 0;
    }
    e->levels = caviar_names_copy((char *const *)texts, (int64_t)count);
    e->level_count = (int32_t)count;
    return e->levels ? 1 : -1;
}

static int read_number(caviar_encoding *e, const json_t *column) {
    const json_t *origin = json_object_get(column, "origin"), *fill = json_object_get(column, "fill"),
                 *indicator = json_object_get(column, "indicator");
    if (!json_is_number(origin) || !json_is_number(fill) || !json_is_boolean(indicator)) return 0;
    e->origin = json_number_value(origin);
    e->fill = (float)json_number_value(fill);
    e->indicator = json_is_true(indicator);
    return isfinite(e->origin) && isfinite(e->fill);
}

static int read_column(caviar_encoding *e, const json_t *column) {
    const json_t *name = json_object_get(column, "name");
    const char *kind = json_string_value(json_object_get(column, "kind"));
    if (!kind || !(json_is_string(name) || json_is_null(name))) return 0;
    int k = CAVIAR_COLUMN_NUMBER;
    while (k < CAVIAR_COLUMN_TEXT && strcmp(kind, kind_names[k]) != 0) k++;
    if (strcmp(kind, kind_names[k]) != 0) return 0;
    e->kind = (caviar_column_kind)k;
    if (json_is_string(name)) {
        e->name = strdup(json_string_value(name));
        if (!e->name) return -1;
    }
    return e->kind == CAVIAR_COLUMN_TEXT ? read_levels(e, json_object_get(column, "levels")) : read_number(e, column);
}

static int read_all(caviar_columns *columns, const json_t *array) {
    const size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0) return 0;
    columns->items = calloc(count, sizeof *columns->items);
    if (!columns->items) return -1;
    columns->count = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const int read = read_column(&columns->items[i], json_array_get(array, i));
        if (read != 1) return read;
    }
    caviar_columns_count(columns);
    return 1;
}

caviar_status caviar_columns_from_json(caviar_columns *columns, const json_t *array, int64_t features,
                                       const char *path) {
    caviar_columns read = { NULL, 0, 0, NULL };
    const int result = read_all(&read, array);
    if (result == 1 && read.features == features) {
        *columns = read;
        return CAVIAR_OK;
    }
    const int64_t made = read.features;
    caviar_columns_destroy(&read);
    if (result < 0) return caviar_fail_memory("the columns of a model", (size_t)features);
    if (result == 0)
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: columns in its metadata are not those of a model; it was not saved by caviar", path);
    return caviar_fail(CAVIAR_BAD_FILE, "%s: its columns make %lld features, but it has %lld", path, (long long)made,
                       (long long)features);
}
