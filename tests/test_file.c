/* Files read whole and replaced whole. */
#include "folder.h"
#include "host/file.h"

#include <pthread.h>
#include <sys/stat.h>

TestSuite(file, .init = make_folder, .fini = remove_folder);

static int holds(const caviar_bytes *bytes, const void *data, size_t size) {
    return bytes->size == size && memcmp(bytes->data, data, size) == 0 && bytes->data[size] == 0;
}

Test(file, is_read_up_to_a_limit) {
    unsigned char data[100001];
    caviar_bytes bytes;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * i >> 7);
    static const size_t sizes[] = { 0, 1, 2, 4095, 65535, 65536, 65537, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i];
        const char *paths[2] = { write_file("plain", data, size), write_gzip("gzip", data, size) };
        for (int p = 0; p < 2; p++) {
            SUCCEEDS(caviar_file_read(&bytes, paths[p], CAVIAR_PLAIN_OR_GZIP, 0));
            cr_expect(holds(&bytes, data, size), "%zu", size);
            free(bytes.data);
            if (size == 0) continue; /* a limit of 0 is the machine's memory */
            SUCCEEDS(caviar_file_read(&bytes, paths[p], CAVIAR_PLAIN_OR_GZIP, size));
            cr_expect(holds(&bytes, data, size), "%zu", size);
            free(bytes.data);
            if (size == 1) continue;
            REFUSES(caviar_file_read(&bytes, paths[p], CAVIAR_PLAIN_OR_GZIP, size - 1), CAVIAR_BAD_FILE,
                    "holds more than");
        }
    }
    /* Compressed data is only decompressed where that is asked for. */
    size_t size;
    const char *path = write_gzip("gzip", data, 5000);
    unsigned char *compressed = read_file(&size, path);
    SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_PLAIN, 0));
    cr_expect(holds(&bytes, compressed, size));
    free(bytes.data);
    free(compressed);
    /* A few kilobytes that decompress to 64 megabytes stop at the limit. */
    gzFile bomb = gzopen(in_folder("bomb"), "wb9");
    memset(data, 0, sizeof data);
    for (int i = 0; i < 640; i++) gzwrite(bomb, data, 100000);
    gzclose(bomb);
    REFUSES(caviar_file_read(&bytes, in_folder("bomb"), CAVIAR_PLAIN_OR_GZIP, 1000000), CAVIAR_BAD_FILE,
            "holds more than 1000000 bytes");
}

static void *fill_pipe(void *path) {
    FILE *pipe = fopen(path, "wb");
    for (int i = 0; pipe && i < 100000; i++) fputc("caviar"[i % 6], pipe);
    if (pipe) fclose(pipe);
    return NULL;
}

/* What the shell's <(command) gives has no size. */
Test(file, may_be_a_pipe) {
    for (int compression = CAVIAR_PLAIN; compression <= CAVIAR_PLAIN_OR_GZIP; compression++) {
        char path[192];
        pthread_t writer;
        caviar_bytes bytes;
        snprintf(path, sizeof path, "%s/pipe%d", folder, compression);
        cr_assert(mkfifo(path, 0600) == 0);
        cr_assert(pthread_create(&writer, NULL, fill_pipe, path) == 0);
        SUCCEEDS(caviar_file_read(&bytes, path, (caviar_compression)compression, 0));
        pthread_join(writer, NULL);
        cr_expect(bytes.size == 100000 && bytes.data[99999] == "caviar"[99999 % 6]);
        free(bytes.data);
    }
}

Test(file, is_replaced_by_its_pieces) {
    caviar_bytes bytes;
    const caviar_piece pieces[3] = { { "one ", 4 }, { "", 0 }, { "two", 3 } };
    const char *path = write_text("x", "something that is longer than what replaces it");
    cr_assert(chdir(folder) == 0);
    static const char *const names[] = { "x", "./x", "y" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SUCCEEDS(caviar_file_replace(names[i], pieces, 3));
        SUCCEEDS(caviar_file_read(&bytes, names[i], CAVIAR_PLAIN, 0));
        cr_expect(holds(&bytes, "one two", 7));
        free(bytes.data);
    }
    SUCCEEDS(caviar_file_replace(path, pieces, 0));
    SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_PLAIN, 0));
    cr_expect(bytes.size == 0);
    free(bytes.data);
    REFUSES(caviar_file_replace(folder, pieces, 3), CAVIAR_IO_ERROR, "is not a regular file");
    REFUSES(caviar_file_replace("", pieces, 3), CAVIAR_IO_ERROR, "cannot");
}
