/* Is this a build with sanitizers? They trace their own process, read it, and write reports, which
 * the sandbox would not let them. */
#ifndef FS_SANITIZED_H
#define FS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* gcc */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1 /* clang */
#endif
#endif

#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
