/* Ctrl-C: the first asks the work to end cleanly, the second ends the process as it would without us. */
#ifndef CAVIAR_CLI_INTERRUPT_H
#define CAVIAR_CLI_INTERRUPT_H

/* From now on SIGINT and SIGTERM are only noted (unless they are ignored: then they stay so). */
void interrupt_catch(void);
/* From now on they end the process again. */
void interrupt_release(void);
/* Whether one came since interrupt_catch. */
int interrupt_requested(void);

#endif
