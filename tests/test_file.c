/* Files replaced whole. */
#include "folder.h"
#include "host/file.h"
#include "host/input.h"
TestSuite(file, .init = make_folder, .fini = remove_folder);

static int holds(const caviar_bytes *bytes, const void *data, size_t size) {
    return bytes->size == size && memcmp(bytes->data, data, size) == 0 && bytes->data[size] == 0;
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
    REFUSES(caviar_file_replace(folder, pieces, 3), CAVIAR_IO_ERROR, "is a folder");
    REFUSES(caviar_file_replace("", pieces, 3), CAVIAR_IO_ERROR, "cannot");
}
