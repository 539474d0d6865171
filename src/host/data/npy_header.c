/* The header of an NPY file. What is accepted is what numpy.save writes for arrays of numbers. */
#include "host/status.h"
#include "npy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct header {
    caviar_npy *array;
    const char *path;
    const char *at, *end;
    int fortran_order;
} header;

static caviar_status fail_here(const header *from, const char *expected) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %td of its header: expected %s", from->path,
                       from->at - (const char *)from->array->file.data, expected);
}

static void skip_blanks(header *from) {
    while (from->at < from->end && (*from->at == ' ' || *from->at == '\n')) from->at++;
}

/* Takes one character, with the blanks before it, if it comes next. */
static int take(header *from, char wanted) {
    skip_blanks(from);
    if (from->at == from->end || *from->at != wanted) return 0;
    from->at++;
    return 1;
}

static int take_word(header *from, const char *word) {
    const size_t length = strlen(word);
    skip_blanks(from);
    if ((size_t)(from->end - from->at) < length || memcmp(from->at, word, length) != 0) return 0;
    from->at += length;
    return 1;
}

/* A quoted string of at most 15 characters. */
static caviar_status take_string(char text[16], header *from) {
    skip_blanks(from);
    const char quote = from->at < from->end ? *from->at : 0;
    if (quote != '\'' && quote != '"') return fail_here(from, "a quoted word");
    from->at++;
    size_t length = 0;
    for (; from->at < from->end && *from->at != quote; from->at++) {
        if (length == 15) return fail_here(from, "a shorter word");
        text[length++] = *from->at;
    }
    text[length] = 0;
    return take(from, quote) ? CAVIAR_OK : fail_here(from, "a closing quote");
}

static caviar_status parse_type(header *from) {
    caviar_npy *array = from->array;
    char text[16];
    skip_blanks(from);
    if (from->at < from->end && *from->at == '[') {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is an array of structures; save plain numbers", from->path);
    }
    CAVIAR_TRY(take_string(text, from));
    const int size = text[0] && text[1] && text[2] && !text[3] ? text[2] - '0' : 0;
    const int one_byte = size == 1 && strchr("biu", text[1]);
    const int more_bytes = (size == 2 || size == 4 || size == 8) && strchr("iuf", text[1]);
    /* One byte has no order, and NumPy writes '|' for it. */
    if (!(one_byte && strchr("|<>", text[0])) && !(more_bytes && strchr("<>", text[0]))) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: its elements are of type '%s'; booleans, integers and floats of 16 to 64 bits are read",
                           from->path, text);
    }
    array->big_endian = text[0] == '>';
    array->kind = text[1];
    array->size = size;
    return CAVIAR_OK;
}

static caviar_status parse_order(header *from) {
    from->fortran_order = take_word(from, "True");
    return from->fortran_order || take_word(from, "False") ? CAVIAR_OK : fail_here(from, "True or False");
}

static caviar_status parse_size(int64_t *size, header *from) {
    skip_blanks(from);
    const char *first = from->at;
    *size = 0;
    for (; from->at < from->end && *from->at >= '0' && *from->at <= '9'; from->at++) {
        if (*size > (INT64_MAX - 9) / 10) return fail_here(from, "a smaller size");
        *size = *size * 10 + (*from->at - '0');
    }
    return from->at > first ? CAVIAR_OK : fail_here(from, "a size");
}

/* (), (3,), (3, 4) or (3, 4,) */
static caviar_status parse_shape(header *from) {
    caviar_npy *array = from->array;
    if (!take(from, '(')) return fail_here(from, "(");
    int separated = 1;
    for (array->rank = 0; !take(from, ')'); array->rank++) {
        if (!separated) return fail_here(from, ", or )");
        if (array->rank == CAVIAR_NPY_MAX_RANK) return fail_here(from, "fewer dimensions");
        CAVIAR_TRY(parse_size(&array->shape[array->rank], from));
        separated = take(from, ',');
    }
    if (array->rank == 1 && !separated) return fail_here(from, "(N,) for one dimension");
    return CAVIAR_OK;
}

/* Each of the three keys once, in any order. */
static caviar_status parse_dictionary(header *from) {
    static const char *const names[3] = { "descr", "fortran_order", "shape" };
    static caviar_status (*const parsers[3])(header *) = { parse_type, parse_order, parse_shape };
    int seen[3] = { 0, 0, 0 };
    if (!take(from, '{')) return fail_here(from, "{");
    for (int separated = 1; !take(from, '}'); separated = take(from, ',')) {
        char key[16];
        if (!separated) return fail_here(from, ", or }");
        CAVIAR_TRY(take_string(key, from));
        int which = 0;
        while (which < 3 && strcmp(key, names[which]) != 0) which++;
        if (which == 3 || seen[which]++) return fail_here(from, "descr, fortran_order and shape, each once");
        if (!take(from, ':')) return fail_here(from, ":");
        CAVIAR_TRY(parsers[which](from));
    }
    skip_blanks(from);
    if (from->at != from->end) return fail_here(from, "nothing but blanks after }");
    return seen[0] && seen[1] && seen[2] ? CAVIAR_OK : fail_here(from, "descr, fortran_order and shape before it");
}

static caviar_status find_header(header *from) {
    const caviar_bytes *file = &from->array->file;
    const unsigned char *data = file->data;
    if (file->size < 6 || memcmp(data, "\x93NUMPY", 6) != 0) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is not an NPY file: its first 6 bytes are not \\x93NUMPY", from->path);
    }
    const size_t fixed = file->size > 6 && data[6] == 1 ? 10 : 12;
    if (file->size < fixed) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within its first %zu bytes", from->path, file->size,
                           fixed);
    }
    if (data[6] < 1 || data[6] > 3 || data[7] != 0) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is of NPY version %d.%d; versions 1.0 to 3.0 are read", from->path,
                           data[6], data[7]);
    }
    size_t length = data[8] | (size_t)data[9] << 8;
    if (fixed == 12) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (file->size - fixed < length) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within its header, which goes to byte %zu",
                           from->path, file->size, fixed + length);
    }
    from->at = (const char *)data + fixed;
    from->end = from->at + length;
    return CAVIAR_OK;
}

/* The elements must be exactly what the shape and the type announce. */
static caviar_status find_elements(const header *from) {
    caviar_npy *array = from->array;
    uint64_t count = 1;
    for (int i = 0; i < array->rank; i++) {
        const uint64_t size = (uint64_t)array->shape[i];
        if (size == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: is empty: size %d of its shape is 0", from->path, i);
        if (count > PTRDIFF_MAX / 8 / size) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: its shape is larger than memory can be", from->path);
        }
        count *= size;
    }
    const size_t begin = (size_t)(from->end - (const char *)array->file.data);
    const size_t expected = (size_t)count * (size_t)array->size;
    if (array->file.size - begin != expected) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu; its header announces %zu bytes from byte %zu on",
                           from->path, array->file.size, expected, begin);
    }
    if (from->fortran_order && array->rank > 1) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: is in Fortran order; save numpy.ascontiguousarray(a), which is in C order", from->path);
    }
    array->elements = array->file.data + begin;
    array->count = (int64_t)count;
    return CAVIAR_OK;
}

static caviar_status parse(caviar_npy *array, const char *path) {
    header from = { array, path, NULL, NULL, 0 };
    CAVIAR_TRY(find_header(&from));
    CAVIAR_TRY(parse_dictionary(&from));
    return find_elements(&from);
}

caviar_status caviar_npy_read(caviar_npy *array, const char *path) {
    CAVIAR_TRY(caviar_file_read(&array->file, path, CAVIAR_MAYBE_COMPRESSED, 0));
    const caviar_status status = parse(array, path);
    if (status != CAVIAR_OK) free(array->file.data);
    return status;
}
