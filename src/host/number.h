/* Numbers as text, whatever locale the program runs in. */
#ifndef CAVIAR_HOST_NUMBER_H
#define CAVIAR_HOST_NUMBER_H

#define CAVIAR_NUMBER_SIZE 32

/* Reads a finite decimal number that is the whole of `text`. 0: it is none, and `value` is left as it was. */
int caviar_number_parse(double *value, const char *text);

/* Writes the shortest of 15 to 17 digits that read back as the same double; "nan", "inf" or "-inf" otherwise. */
void caviar_number_format(char text[CAVIAR_NUMBER_SIZE], double value);

/* The same for a float: the shortest of 6 to 9 digits. */
void caviar_number_format_float(char text[CAVIAR_NUMBER_SIZE], float value);

#endif
