/* The options about data that search, train and predict share, and what they load. */
#ifndef CAVIAR_CLI_DATA_H
#define CAVIAR_CLI_DATA_H

#include "options.h"

#include <caviar/caviar.h>

#include <math.h>

typedef struct data_settings {
    const char *source, *test, *label;
    int header;             /* index of "auto yes no" */
    option_part validation; /* a fraction is of what is left without the test part */
    double test_fraction;   /* NaN: 0.15 unless the data has a test part */
    option_texts drop, dates;
    const char *delimiter;
    int drop_unlabelled;
    int as_is; /* labels may be as unlikely as they are */
} data_settings;
#define DATA_SETTINGS_INIT                                                                                             \
    { .validation = { 0.1, NULL }, .test_fraction = (double)NAN }

#define DATA_SOURCE_OPTIONS(settings, label_help)                                                                      \
    OPTIONS_TEXT(                                                                                                      \
        "data", "SOURCE", &(settings)->source,                                                                         \
        "required: a file of CSV, NPZ (FILE.npz:X,y names its arrays), NPY or IDX, as it is or compressed by gzip or " \
        "Zstandard; FEATURES,LABELS of NPY or IDX files; a folder with the four files of MNIST; fashion-mnist; - for " \
        "standard input"),                                                                                             \
        OPTIONS_TEXT("label", "COLUMN", &(settings)->label,                                                            \
                     "the label column of a CSV file: its name, its number from 0, or from the end with -1" label_help \
                     "; default: \"label\", or else the last column"),                                                 \
        OPTIONS_CHOICE("header", "WHEN", &(settings)->header, "auto yes no",                                           \
                       "whether a CSV file begins with a header: yes, no, or auto (default): if its first line "       \
                       "holds words where there are numbers below"),                                                   \
        OPTIONS_TEXT("delimiter", "CHARACTER", &(settings)->delimiter,                                                 \
                     "between the cells of a CSV file: one character, or tab or blank (default: whichever of comma, "  \
                     "semicolon, tab and | its first line has most of, or else blanks)"),                              \
        OPTIONS_TEXTS("drop", "COLUMN", &(settings)->drop,                                                             \
                      "leaves a column of a CSV file out; may be given many times"),                                   \
        OPTIONS_TEXTS("date", "COLUMN", &(settings)->dates,                                                            \
                      "a column of dates, YYYY-MM-DD and perhaps a time, as in ISO 8601, which become days; may be "   \
                      "given many times")

#define DATA_TRAINING_OPTIONS(settings)                                                                                \
    DATA_SOURCE_OPTIONS(settings, ""),                                                                                 \
        OPTIONS_TEXT("test", "SOURCE", &(settings)->test, "examples for the test part, of the same form as --data"),   \
        OPTIONS_REAL("test-fraction", "FRACTION", &(settings)->test_fraction, 0.0, 0.9,                                \
                     "how much of the data becomes the test part when none is given (default 0.15; 0: none)"),         \
        OPTIONS_PART("validation", &(settings)->validation, 0.0, 0.9,                                                  \
                     "how much of the rest validates (default 0.1; 0: none), or the file of the examples that do"),    \
        OPTIONS_FLAG("as-is", &(settings)->as_is,                                                                      \
                     "the labels are classes, though they look like a regression target or like names; what looks "    \
                     "like a header of numbers or like an index is data"),                                             \
        OPTIONS_FLAG("drop-unlabelled", &(settings)->drop_unlabelled,                                                  \
                     "leaves out lines of a CSV file without a label")

void data_settings_free(data_settings *settings);

/*
 * Whether at most one of the sources and `other` (NULL: none) is "-": standard input can be read but once. If not, says
 * so as `command`.
 */
int data_can_be_read(const data_settings *settings, const char *other, const char *command);

/* Loads the source alone, for a model that is to classify it. */
caviar_status data_load(caviar_dataset **dataset, const data_settings *settings, const caviar_model *model);

/*
 * Loads the source and those of the test and the validation part, and splits them. Prints notes as those of `command`
 * (NULL: none).
 */
caviar_status data_load_split(caviar_dataset **dataset, const data_settings *settings, uint64_t seed,
                              const char *command);

/* Prints the notes of a dataset on stderr. */
void data_print_notes(const char *command, const caviar_dataset *dataset);

/* Prints what was loaded, for people. */
void data_print(const char *source, const caviar_dataset_info *info);

#endif
