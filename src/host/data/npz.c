/* NPZ, NumPy's archive of arrays: which of them are features and labels, of which part. */
#include "host/status.h"
#include "loader.h"
#include "npy.h"
#include "zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FEATURES, LABELS, ROLES };

/* By part and role. Names are compared without their case. */
static const char *const usual[3][ROLES][10] = {
    [CAVIAR_TRAIN] = { { "x", "features", "data", "images", "inputs", "x_train", "train_x", "train_images",
                         "train_data" },
                       { "y", "labels", "label", "target", "targets", "y_train", "train_y", "train_labels" } },
    [CAVIAR_VALIDATION] = { { "x_val", "x_valid", "x_validation", "val_x", "val_images", "val_data" },
                            { "y_val", "y_valid", "y_validation", "val_y", "val_labels" } },
    [CAVIAR_TEST] = { { "x_test", "test_x", "test_images", "test_data" }, { "y_test", "test_y", "test_labels" } },
};

typedef struct npz {
    const char *path;
    const caviar_csv_options *options; /* NULL: none */
    caviar_zip zip;
    const caviar_zip_member *chosen[3][ROLES]; /* NULL: none */
} npz;

/* The length of an array's name: the member's without ".npy"; 0 of what is no array. */
static size_t name_length(const caviar_zip_member *member) {
    const size_t length = strlen(member->name);
    return length > 4 && strcmp(member->name + length - 4, ".npy") == 0 ? length - 4 : 0;
}

static int is_chosen(const npz *from, const caviar_zip_member *member) {
    for (int part = 0; part < 3; part++)
        for (int role = 0; role < ROLES; role++)
            if (from->chosen[part][role] == member) return 1;
    return 0;
}

/* The names of the arrays, of all or of those that were not chosen. */
static void list_arrays(char list[512], const npz *from, int all) {
    *list = 0;
    for (int64_t i = 0; i < from->zip.count; i++) {
        const caviar_zip_member *member = &from->zip.members[i];
        const size_t used = strlen(list), length = name_length(member);
        if (length == 0 || (!all && is_chosen(from, member))) continue;
        if (used + length + 8 > 512) {
            strcat(list, ", ...");
            return;
        }
        snprintf(list + used, 512 - used, "%s%.*s", used ? ", " : "", (int)length, member->name);
    }
}

/* Says what is wrong, which arrays there are, and how to choose. */
static caviar_status fail_choice(const npz *from, const char *reason) {
    char list[512];
    list_arrays(list, from, 1);
    if (!*list) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: is an archive without arrays of NumPy; of a spreadsheet save a sheet as CSV",
                           from->path);
    }
    return caviar_fail(CAVIAR_BAD_FILE, "%s: %s; it holds the arrays %s: name those of features and labels, %s:X,y",
                       from->path, reason, list, from->path);
}

/* ---------------------------------------------------------------------------------------------------------- choosing
 */

static int is_usual(const caviar_zip_member *member, const char *const names[10]) {
    const size_t length = name_length(member);
    for (int i = 0; i < 10 && names[i]; i++) {
        if (strlen(names[i]) == length && strncasecmp(member->name, names[i], length) == 0) return 1;
    }
    return 0;
}

static caviar_status choose_usual(npz *from) {
    for (int part = 0; part < 3; part++)
        for (int role = 0; role < ROLES; role++)
            for (int64_t i = 0; i < from->zip.count; i++) {
                const caviar_zip_member **chosen = &from->chosen[part][role];
                if (!is_usual(&from->zip.members[i], usual[part][role])) continue;
                if (*chosen) {
                    return fail_choice(from, role == FEATURES ? "several of its arrays may be the features"
                                                              : "several of its arrays may be the labels");
                }
                *chosen = &from->zip.members[i];
            }
    return CAVIAR_OK;
}

static caviar_status open_member(caviar_input **input, char **name, const npz *from, const caviar_zip_member *member) {
    const size_t size = strlen(from->path) + strlen(member->name) + 2;
    *name = malloc(size);
    if (!*name) return caviar_fail_memory("the name of an array", size);
    snprintf(*name, size, "%s:%.*s", from->path, (int)name_length(member), member->name);
    const caviar_status status = caviar_input_open_packed(input, *name, &member->content);
    if (status != CAVIAR_OK) free(*name);
    return status;
}

/* Whether an array can be a list of labels: it has one dimension, or the second is of size 1. */
static caviar_status is_list(int *list, const npz *from, const caviar_zip_member *member) {
    caviar_npy array;
    caviar_input *input;
    char *name;
    CAVIAR_TRY(open_member(&input, &name, from, member));
    const caviar_status status = caviar_npy_begin(&array, input);
    if (status == CAVIAR_OK) *list = array.rank < 2 || (array.rank == 2 && array.shape[1] == 1);
    caviar_input_close(input);
    free(name);
    return status;
}

/* Of one array, the features; of two, of which one is a list, features and labels, as numpy.savez(file, X, y) has it.
 */
static caviar_status choose_by_shape(npz *from) {
    const caviar_zip_member *arrays[2] = { NULL, NULL };
    int count = 0, list[2] = { 0, 0 };
    for (int64_t i = 0; i < from->zip.count; i++) {
        if (name_length(&from->zip.members[i]) == 0) continue;
        if (count < 2) arrays[count] = &from->zip.members[i];
        count++;
    }
    for (int i = 0; i < count && count <= 2; i++) CAVIAR_TRY(is_list(&list[i], from, arrays[i]));
    if (count == 0 || count > 2 || (count == 2 && list[0] == list[1]))
        return fail_choice(from, "none of its arrays has a name that says that they are the features");
    from->chosen[CAVIAR_TRAIN][FEATURES] = arrays[list[0] && count == 2];
    from->chosen[CAVIAR_TRAIN][LABELS] = count == 2 ? arrays[!list[0]] : NULL;
    return CAVIAR_OK;
}

/* `keys` is "X,y" or "X". */
static caviar_status choose_named(npz *from, const char *keys) {
    for (int role = 0; keys && role < ROLES; role++) {
        const size_t length = strcspn(keys, ",");
        for (int64_t i = 0; i < from->zip.count; i++) {
            const caviar_zip_member *member = &from->zip.members[i];
            if (length > 0 && name_length(member) == length && strncmp(member->name, keys, length) == 0)
                from->chosen[CAVIAR_TRAIN][role] = member;
        }
        if (!from->chosen[CAVIAR_TRAIN][role]) {
            char reason[96];
            snprintf(reason, sizeof reason, "there is no array \"%.*s\"", (int)(length < 40 ? length : 40), keys);
            return fail_choice(from, reason);
        }
        keys = keys[length] ? keys + length + 1 : NULL;
    }
    return CAVIAR_OK;
}

static caviar_status choose(npz *from, const char *keys) {
    if (keys) return choose_named(from, keys);
    CAVIAR_TRY(choose_usual(from));
    const caviar_zip_member **train = from->chosen[CAVIAR_TRAIN];
    if (!train[FEATURES] && !train[LABELS]) return choose_by_shape(from);
    if (!train[FEATURES])
        return fail_choice(from, "none of its arrays has a name that says that they are the features");
    for (int part = 0; part < 3; part++) {
        if (!from->chosen[part][FEATURES] == !from->chosen[part][LABELS]) continue;
        if (part != CAVIAR_TRAIN) return fail_choice(from, "a part has features or labels only");
        for (int64_t i = 0; i < from->zip.count; i++)
            if (name_length(&from->zip.members[i]) > 0 && &from->zip.members[i] != train[FEATURES])
                return fail_choice(from, "none of its arrays has a name that says that they are the labels");
    }
    return CAVIAR_OK;
}

/* ----------------------------------------------------------------------------------------------------------- reading
 */

static caviar_status read_member(caviar_table *table, const npz *from, const caviar_zip_member *member,
                                 caviar_reader reader) {
    caviar_input *input;
    char *name;
    CAVIAR_TRY(open_member(&input, &name, from, member));
    const caviar_status status = reader(table, input);
    caviar_input_close(input);
    free(name);
    return status;
}

static caviar_status read_part(caviar_dataset **dataset, const npz *from, int part) {
    const caviar_zip_member *const *chosen = from->chosen[part];
    caviar_table table;
    char left[512];
    caviar_status status = caviar_loader_begin(&table, from->path, from->options);
    if (status == CAVIAR_OK) status = read_member(&table, from, chosen[FEATURES], caviar_npy_read_features);
    if (status == CAVIAR_OK && chosen[LABELS])
        status = read_member(&table, from, chosen[LABELS], caviar_npy_read_labels);
    list_arrays(left, from, 0);
    if (status == CAVIAR_OK && part == CAVIAR_TRAIN && *left)
        status = caviar_notes_add(&table.notes, "%s: left alone: %s", from->path, left);
    return caviar_loader_finish(dataset, &table, status);
}

static caviar_status add_part(caviar_dataset *dataset, const npz *from, int part) {
    caviar_dataset *added;
    if (!from->chosen[part][FEATURES]) return CAVIAR_OK;
    CAVIAR_TRY(read_part(&added, from, part));
    const caviar_status status =
        part == CAVIAR_TEST ? caviar_dataset_add_test(dataset, added) : caviar_dataset_add_validation(dataset, added);
    caviar_dataset_destroy(added);
    return status;
}

static caviar_status read_parts(caviar_dataset **dataset, const npz *from) {
    caviar_dataset *made;
    CAVIAR_TRY(read_part(&made, from, CAVIAR_TRAIN));
    caviar_status status = add_part(made, from, CAVIAR_VALIDATION);
    if (status == CAVIAR_OK) status = add_part(made, from, CAVIAR_TEST);
    if (status == CAVIAR_OK)
        *dataset = made;
    else
        caviar_dataset_destroy(made);
    return status;
}

caviar_status caviar_npz_read(caviar_dataset **dataset, caviar_input *input, const char *keys,
                              const caviar_csv_options *options) {
    npz from = { .path = caviar_input_name(input), .options = options };
    caviar_bytes archive;
    CAVIAR_TRY(caviar_input_read_all(&archive, input, 0));
    caviar_status status = caviar_zip_open(&from.zip, from.path, &archive);
    if (status == CAVIAR_OK) status = choose(&from, keys);
    if (status == CAVIAR_OK) status = read_parts(dataset, &from);
    caviar_zip_close(&from.zip);
    free(archive.data);
    return status;
}
