/* `caviar-bench quality`: how long a search takes to reach given accuracies. */
#ifndef CAVIAR_BENCH_QUALITY_H
#define CAVIAR_BENCH_QUALITY_H

/* argv[0] is "quality"; returns an exit code. */
int bench_quality(int argc, char **argv);

#endif
