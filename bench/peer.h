/* `caviar-bench peer`: the case that other programs run too. */
#ifndef CAVIAR_BENCH_PEER_H
#define CAVIAR_BENCH_PEER_H

/* argv[0] is "peer"; returns an exit code. */
int bench_peer(int argc, char **argv);

#endif
