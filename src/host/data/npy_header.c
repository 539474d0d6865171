/* The header of an NPY file. What is accepted is what numpy.save writes for arrays of numbers and of texts. */
#include "host/status.h"
#include "npy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_HEADER = 1 << 20, LONGEST_TEXT = 1024 /* characters */ };

typedef struct header {
    caviar_npy *array;
    const char *path;
    unsigned char *data; /* all of the file before its elements */
    size_t size;
    const char *at, *end;
} header;

static caviar_status fail_here(const header *from, const char *expected) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: byte %td of its header: expected %s", from->path,
                       from->at - (const char *)from->data, expected);
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

/* What to do with elements that are no numbers and no texts. */
static const char *advice(const char *type) {
    switch (type[0] ? type[1] : 0) {
    case 'O': return "Python objects; save a.astype(float), or labels as a.astype(str)";
    case 'M':
    case 'm': return "dates or times; save a.astype('int64')";
    case 'c': return "complex numbers; save real and imaginary parts as columns";
    case 'V': return "structures; save plain numbers, a column each";
    default: return "no type that is read; save a.astype('float64')";
    }
}

/* The digits behind the kind; 0 where there are none or too many. */
static int parse_element_size(const char *text) {
    int size = 0;
    for (; *text >= '0' && *text <= '9' && size <= LONGEST_TEXT; text++) size = 10 * size + (*text - '0');
    return *text || size > LONGEST_TEXT ? 0 : size;
}

static caviar_status parse_type(header *from) {
    caviar_npy *array = from->array;
    char text[16];
    skip_blanks(from);
    if (from->at < from->end && *from->at == '[') {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: is an array of structures; save plain numbers, "
                           "numpy.lib.recfunctions.structured_to_unstructured(a)",
                           from->path);
    }
    CAVIAR_TRY(take_string(text, from));
    const int size = text[0] && text[1] ? parse_element_size(text + 2) : 0;
    const int one_byte = size == 1 && strchr("biu", text[1]);
    const int more_bytes = (size == 2 || size == 4 || size == 8) && strchr("iuf", text[1]);
    const int bytes_of_text = size > 0 && text[1] == 'S', characters = size > 0 && text[1] == 'U';
    /* One byte has no order, and NumPy writes '|' for it. */
    if (!((one_byte || bytes_of_text) && strchr("|<>", text[0])) &&
        !((more_bytes || characters) && strchr("<>", text[0]))) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: its elements are of type '%s', %s", from->path, text, advice(text));
    }
    array->big_endian = text[0] == '>';
    array->kind = text[1];
    array->size = characters ? 4 * size : size;
    return CAVIAR_OK;
}

static caviar_status parse_order(header *from) {
    from->array->fortran_order = take_word(from, "True");
    return from->array->fortran_order || take_word(from, "False") ? CAVIAR_OK : fail_here(from, "True or False");
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

static caviar_status fail_end(const header *from, size_t expected) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: ends at byte %zu, within its header, which goes to byte %zu", from->path,
                       from->size, expected);
}

/* Reads up to `size` bytes of the header in all. */
static caviar_status read_to(header *from, caviar_input *input, size_t size) {
    unsigned char *data = realloc(from->data, size);
    size_t got;
    if (!data) return caviar_fail_memory("the header of an array", size);
    from->data = data;
    CAVIAR_TRY(caviar_input_read(&got, input, data + from->size, size - from->size));
    from->size += got;
    return CAVIAR_OK;
}

static caviar_status read_header(header *from, caviar_input *input) {
    CAVIAR_TRY(read_to(from, input, 10));
    if (from->size < 6 || memcmp(from->data, "\x93NUMPY", 6) != 0) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is not an NPY file: its first 6 bytes are not \\x93NUMPY", from->path);
    }
    if (from->size < 10) return fail_end(from, 10);
    const int major = from->data[6], minor = from->data[7];
    if (major < 1 || major > 3 || minor != 0) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: is of NPY version %d.%d; versions 1.0 to 3.0 are read", from->path,
                           major, minor);
    }
    const size_t fixed = major == 1 ? 10 : 12;
    CAVIAR_TRY(read_to(from, input, fixed));
    if (from->size < fixed) return fail_end(from, fixed);
    size_t length = from->data[8] | (size_t)from->data[9] << 8;
    if (fixed == 12) length |= (size_t)from->data[10] << 16 | (size_t)from->data[11] << 24;
    if (length > LONGEST_HEADER) {
        return caviar_fail(CAVIAR_BAD_FILE, "%s: bytes 8 to 11 say that its header has %zu bytes; at most %d are read",
                           from->path, length, LONGEST_HEADER);
    }
    CAVIAR_TRY(read_to(from, input, fixed + length));
    if (from->size < fixed + length) return fail_end(from, fixed + length);
    from->at = (const char *)from->data + fixed;
    from->end = from->at + length;
    return CAVIAR_OK;
}

static caviar_status fail_size(const caviar_npy *array, const char *path, uint64_t end) {
    return caviar_fail(
        CAVIAR_BAD_FILE, "%s: %s byte %llu; its header announces %llu bytes from byte %llu on", path,
        end > array->at ? "goes on behind" : "ends at", (unsigned long long)(end > array->at ? array->at : end),
        (unsigned long long)array->count * (unsigned long long)array->size, (unsigned long long)array->begin);
}

/* The elements must be exactly what the shape and the type announce, which is known before they are read, or after. */
static caviar_status check_size(const header *from, const caviar_input *input) {
    caviar_npy *array = from->array;
    uint64_t count = 1;
    for (int i = 0; i < array->rank; i++) {
        const uint64_t size = (uint64_t)array->shape[i];
        if (size == 0) return caviar_fail(CAVIAR_BAD_FILE, "%s: is empty: size %d of its shape is 0", from->path, i);
        if (count > PTRDIFF_MAX / 8 / (uint64_t)array->size / size) {
            return caviar_fail(CAVIAR_BAD_FILE, "%s: its shape is larger than memory can be", from->path);
        }
        count *= size;
    }
    array->count = (int64_t)count;
    array->begin = array->at = from->size;
    const uint64_t there = caviar_input_size(input), announced = from->size + count * (uint64_t)array->size;
    if (there == 0 || there == announced) return CAVIAR_OK;
    caviar_npy end = *array;
    end.at = announced;
    return fail_size(&end, from->path, there);
}

caviar_status caviar_npy_begin(caviar_npy *array, caviar_input *input) {
    header from = { .array = array, .path = caviar_input_name(input) };
    caviar_status status = read_header(&from, input);
    if (status == CAVIAR_OK) status = parse_dictionary(&from);
    if (status == CAVIAR_OK) status = check_size(&from, input);
    free(from.data);
    return status;
}

caviar_status caviar_npy_take(void *to, caviar_npy *array, caviar_input *input, int64_t count) {
    const size_t size = (size_t)count * (size_t)array->size;
    size_t got;
    CAVIAR_TRY(caviar_input_read(&got, input, to, size));
    array->at += got;
    if (got == size) return CAVIAR_OK;
    return fail_size(array, caviar_input_name(input), array->at);
}

caviar_status caviar_npy_end(const caviar_npy *array, caviar_input *input) {
    unsigned char byte;
    size_t got;
    CAVIAR_TRY(caviar_input_read(&got, input, &byte, 1));
    return got == 0 ? CAVIAR_OK : fail_size(array, caviar_input_name(input), array->at + 1);
}
