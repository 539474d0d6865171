/*
 * An archive ends with a record that says where its directory is; each entry of the directory says where the member's
 * own header is, behind which lies its content. Numbers are little-endian. What does not fit into 32 bits is all ones
 * there, and written elsewhere: of the archive in a ZIP64 record, of a member in a field behind its name.
 */
#include "zip.h"

#include "host/status.h"

#include <stdlib.h>
#include <string.h>

enum { END = 22, LOCATOR = 20, END64 = 56, ENTRY = 46, LOCAL = 30 /* bytes of the records without their texts */ };

typedef struct archive {
    const char *path;
    const unsigned char *data;
    uint64_t size;
} archive;

static uint64_t number(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | at[i];
    return value;
}

static caviar_status fail_damaged(const archive *from, uint64_t byte) {
    return caviar_fail(CAVIAR_BAD_FILE, "%s: is a damaged or incomplete archive, at byte %llu; fetch or save it again",
                       from->path, (unsigned long long)byte);
}

static int lies_within(const archive *from, uint64_t begin, uint64_t size) {
    return begin <= from->size && size <= from->size - begin;
}

static int is_record(const archive *from, uint64_t at, uint64_t size, const char signature[4]) {
    return lies_within(from, at, size) && memcmp(from->data + at, signature, 4) == 0;
}

/* ------------------------------------------------------------------------------------------------------ the directory
 */

typedef struct directory {
    uint64_t entries, size, begin;
} directory;

static caviar_status find_directory64(directory *found, const archive *from, uint64_t end) {
    if (end < LOCATOR || !is_record(from, end - LOCATOR, LOCATOR, "PK\6\7")) return fail_damaged(from, end);
    const uint64_t record = number(from->data + end - LOCATOR + 8, 8);
    if (!is_record(from, record, END64, "PK\6\6")) return fail_damaged(from, end - LOCATOR);
    const unsigned char *at = from->data + record;
    *found = (directory){ number(at + 32, 8), number(at + 40, 8), number(at + 48, 8) };
    return CAVIAR_OK;
}

static caviar_status find_directory(directory *found, const archive *from) {
    /* A comment of at most 65535 bytes may follow the last record. */
    const uint64_t first = from->size > END + 65535 ? from->size - END - 65535 : 0;
    uint64_t end = from->size < END ? 0 : from->size - END;
    while (end > first && !is_record(from, end, END, "PK\5\6")) end--;
    if (!is_record(from, end, END, "PK\5\6")) return fail_damaged(from, from->size);
    const unsigned char *at = from->data + end;
    *found = (directory){ number(at + 10, 2), number(at + 12, 4), number(at + 16, 4) };
    if (found->entries == 0xffff || found->size == 0xffffffff || found->begin == 0xffffffff)
        CAVIAR_TRY(find_directory64(found, from, end));
    if (!lies_within(from, found->begin, found->size) || found->entries > found->size / ENTRY)
        return fail_damaged(from, end);
    return CAVIAR_OK;
}

/* -------------------------------------------------------------------------------------------------------- its entries
 */

typedef struct entry {
    uint64_t at; /* of its record */
    uint64_t packed, size, local;
    int flags, method;
    uint32_t crc;
    uint64_t name_length, extra_length, length; /* of the name, of the fields behind it, of the whole record */
} entry;

/* Takes what does not fit into 32 bits from the field 1 behind the name. */
static caviar_status read_wide(entry *e, const archive *from) {
    uint64_t *const values[3] = { &e->size, &e->packed, &e->local };
    const unsigned char *at = from->data + e->at + ENTRY + e->name_length, *end = at + e->extra_length;
    while (end - at >= 4) {
        const uint64_t id = number(at, 2), size = number(at + 2, 2);
        at += 4;
        if (size > (uint64_t)(end - at)) break;
        const unsigned char *next = at + size;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*values[i] != 0xffffffff) continue;
            if (next - at < 8) return fail_damaged(from, e->at);
            *values[i] = number(at, 8);
            at += 8;
        }
        if (id == 1) return CAVIAR_OK;
        at = next;
    }
    return CAVIAR_OK;
}

static caviar_status read_entry(entry *e, const archive *from, uint64_t at) {
    if (!is_record(from, at, ENTRY, "PK\1\2")) return fail_damaged(from, at);
    const unsigned char *record = from->data + at;
    *e = (entry){ .at = at,
                  .flags = (int)number(record + 8, 2),
                  .method = (int)number(record + 10, 2),
                  .crc = (uint32_t)number(record + 16, 4),
                  .packed = number(record + 20, 4),
                  .size = number(record + 24, 4),
                  .name_length = number(record + 28, 2),
                  .extra_length = number(record + 30, 2),
                  .local = number(record + 42, 4) };
    e->length = ENTRY + e->name_length + e->extra_length + number(record + 32, 2);
    if (!lies_within(from, at, e->length)) return fail_damaged(from, at);
    return read_wide(e, from);
}

static caviar_status read_member(caviar_zip_member *member, const archive *from, const entry *e) {
    if (!is_record(from, e->local, LOCAL, "PK\3\4")) return fail_damaged(from, e->at);
    const unsigned char *local = from->data + e->local;
    const uint64_t begin = e->local + LOCAL + number(local + 26, 2) + number(local + 28, 2);
    if (!lies_within(from, begin, e->packed)) return fail_damaged(from, e->at);
    member->name = strndup((const char *)from->data + e->at + ENTRY, e->name_length);
    if (!member->name) return caviar_fail_memory("the name of an array", e->name_length + 1);
    if (e->flags & 1 || (e->method != 0 && e->method != 8)) {
        return caviar_fail(CAVIAR_BAD_FILE,
                           "%s: its member \"%.40s\" is encrypted or compressed by method %d; save it with numpy.savez "
                           "or numpy.savez_compressed",
                           from->path, member->name, e->method);
    }
    member->content = (caviar_packed){ from->data + begin, (size_t)e->packed, (size_t)e->size, e->crc, e->method == 8 };
    return CAVIAR_OK;
}

static caviar_status read_members(caviar_zip *zip, const archive *from) {
    directory found = { 0, 0, 0 };
    CAVIAR_TRY(find_directory(&found, from));
    zip->members = calloc(found.entries + 1, sizeof *zip->members);
    if (!zip->members) return caviar_fail_memory("the members of an archive", found.entries * sizeof *zip->members);
    uint64_t at = found.begin;
    for (uint64_t i = 0; i < found.entries; i++) {
        entry e;
        CAVIAR_TRY(read_entry(&e, from, at));
        zip->count++;
        CAVIAR_TRY(read_member(&zip->members[i], from, &e));
        at += e.length;
    }
    return CAVIAR_OK;
}

caviar_status caviar_zip_open(caviar_zip *zip, const char *path, const caviar_bytes *bytes) {
    const archive from = { path, bytes->data, bytes->size };
    caviar_zip made = { NULL, 0 };
    const caviar_status status = read_members(&made, &from);
    if (status == CAVIAR_OK)
        *zip = made;
    else
        caviar_zip_close(&made);
    return status;
}

void caviar_zip_close(caviar_zip *zip) {
    for (int64_t i = 0; i < zip->count; i++) free(zip->members[i].name);
    free(zip->members);
    *zip = (caviar_zip){ NULL, 0 };
}
