/* The progress line: bar, percent, text, time left. */
#include "progress.h"

#include "command.h"
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 20, LONGEST_LINE = 240 };
static const double seconds_between_draws = 0.15, seconds_between_lines = 30;

/* Where there is no terminal a line is printed now and then; CAVIAR_PROGRESS_SECONDS says how often, 0 never. */
static double line_interval(void) {
    const char *given = getenv("CAVIAR_PROGRESS_SECONDS");
    char *end;
    const double seconds = given ? strtod(given, &end) : seconds_between_lines;
    return given && (end == given || *end || !(seconds >= 0)) ? seconds_between_lines : seconds;
}

void progress_init(progress *line, int quiet) {
    const char *terminal = getenv("TERM");
    *line = (progress){ .begun = command_clock() };
    const int drawn = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    line->interval = drawn ? 0 : line_interval();
    line->wanted = !quiet && (drawn || line->interval > 0);
    line->next = line->begun + line->interval;
}

int progress_due(const progress *line) {
    return line->wanted && command_clock() >= line->next;
}

const char *progress_rate(char text[16], double rate) {
    if (rate >= 1e6)
        snprintf(text, 16, "%.2f M", rate * 1e-6);
    else if (rate >= 1e4)
        snprintf(text, 16, "%.1f k", rate * 1e-3);
    else
        snprintf(text, 16, "%.0f", rate);
    return text;
}

/* The seconds that are left if the rest goes on at the pace so far, as 12 s, 3:05 or 1:02:03. */
static void time_left(char text[24], double fraction, double elapsed) {
    if (fraction < 0.005 || elapsed < 0.5) {
        snprintf(text, 24, "-");
        return;
    }
    const long seconds = (long)(elapsed * (1.0 - fraction) / fraction + 0.5);
    if (seconds < 60)
        snprintf(text, 24, "%ld s", seconds);
    else if (seconds < 3600)
        snprintf(text, 24, "%ld:%02ld", seconds / 60, seconds % 60);
    else
        snprintf(text, 24, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void progress_draw(progress *line, double fraction, const char *format, ...) {
    if (!line->wanted) return;
    fraction = fraction < 0.0 ? 0.0 : fraction > 1.0 ? 1.0 : fraction;
    const double now = command_clock();
    char bar[BAR_WIDTH + 4] = "", text[LONGEST_LINE], left[24], whole[LONGEST_LINE + 80];

    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    time_left(left, fraction, now - line->begun);
    if (line->interval > 0) {
        fprintf(stderr, "%3.0f%%  %s left  %s\n", 100.0 * fraction, left, text);
        line->next = now + line->interval;
        return;
    }
    const int length = snprintf(whole, sizeof whole, "%3.0f%%  %s left  %s", 100.0 * fraction, left, text);
    const int terminal = table_terminal_width(stderr), width = terminal > 0 ? terminal : 80;
    if (length + BAR_WIDTH + 4 < width) { /* the bar is for where there is room */
        const int full = (int)(fraction * BAR_WIDTH + 0.5);
        bar[0] = '[';
        for (int i = 0; i < BAR_WIDTH; i++) bar[1 + i] = i < full ? '#' : '.';
        memcpy(bar + 1 + BAR_WIDTH, "] ", 3);
    }
    /* The last column stays free: some terminals would wrap. */
    fprintf(stderr, "\r%s%.*s\033[K", bar, width - 1, whole);
    fflush(stderr);
    line->visible = 1;
    line->next = now + seconds_between_draws;
}

void progress_clear(progress *line) {
    if (line->visible) fputs("\r\033[K", stderr);
    line->visible = 0;
}
