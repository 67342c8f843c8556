/* The free pages of the journal. What is deleted leaves pages that later rows use again, so a
 * journal is as large as the store ever was at once; here the rest goes back to the file system, a
 * few pages in each turn, so that a crash at any moment finds a whole journal, of the old size or
 * the new one. (A journal that was made before this could be is not changed: it only uses its pages
 * again.) */
#ifndef STORE_SLACK_H
#define STORE_SLACK_H

struct store;

enum {
    SLACK_PAGES_KEPT = 4096,   /* 4 MiB for what comes next */
    SLACK_PAGES_A_TURN = 1024, /* moved and cut off at once */
};

/* Gives back what is beyond that, and beyond an eighth of the journal, one turn's worth. 1: there
 * is more; 0: nothing to do; IO, NOSPACE. No turn open. The file becomes shorter at the next
 * checkpoint. */
int slack_give_back(struct store *s);

#endif
