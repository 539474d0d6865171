/* Which name was meant? */
#ifndef CAVIAR_HOST_NEAREST_H
#define CAVIAR_HOST_NEAREST_H

/* The one of `count` names that `text` is most likely a misspelling of; NULL: it is like none of them. */
const char *caviar_nearest_name(const char *text, const char *const *names, int count);

#endif
