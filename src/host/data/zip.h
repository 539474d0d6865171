/* What is in a ZIP archive (PKWARE's APPNOTE.TXT), as far as NPZ files need it. */
#ifndef CAVIAR_HOST_ZIP_H
#define CAVIAR_HOST_ZIP_H

#include "host/input.h"

typedef struct caviar_zip_member {
    char *name;
    caviar_packed content;
} caviar_zip_member;

typedef struct caviar_zip {
    caviar_zip_member *members; /* [count] */
    int64_t count;
} caviar_zip;

/*
 * Finds the members of an archive that lies in memory, as its directory lists them: stored or deflated, also with the
 * sizes of more than 32 bits of ZIP64. Anything that does not lie within the archive is refused. `path` begins
 * messages.
 */
caviar_status caviar_zip_open(caviar_zip *zip, const char *path, const caviar_bytes *archive);
void caviar_zip_close(caviar_zip *zip);

#endif
