/* How far the work is: one line on stderr that changes where stderr is a terminal, else a line every half minute. */
#ifndef CAVIAR_CLI_PROGRESS_H
#define CAVIAR_CLI_PROGRESS_H

typedef struct progress {
    int wanted;      /* anything is to be said */
    int visible;     /* something is on the line now */
    double interval; /* seconds from one line to the next where there is no terminal; 0: there is one */
    double begun, next;
} progress;

void progress_init(progress *line, int quiet);
/* Whether it is time to draw again: the line changes a few times a second at most. */
int progress_due(const progress *line);
/* Draws the percentage, the time left, the text, and a bar where it has room; cut off at the terminal's edge. */
void progress_draw(progress *line, double fraction, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Removes it. Before anything else is printed. */
void progress_clear(progress *line);

/* "1234", "12.3 k", "4.56 M": rates change too fast for more digits. */
const char *progress_rate(char text[16], double rate);

#endif
