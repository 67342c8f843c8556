#include "tests/sim/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const transcript_names[] = {
    "crowded",
    "directory",
    "file-direct",
    "file-relay",
    "file-zero",
    "py-send-dir-william-recv",
    "py-send-william-recv",
    "receiver-sigint",
    "refused",
    "sender-sigint",
    "text",
    "william-recv-refuse",
    "william-send-dir",
    "william-send-file",
    "william-send-text",
    "wrong-code",
    NULL,
};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "transcript: %s: %s\n", what, name);
    abort();
}

json_t *transcript_load(const char *name, const char *suffix)
{
    const char *folder = getenv("VECTORS");
    char path[4096];
    json_t *line, *lines = json_array();

    snprintf(path, sizeof(path), "%s/transcripts/%s%s", folder != NULL ? folder : "tests/vectors",
             name, suffix);
    FILE *in = fopen(path, "r");
    if (in == NULL || lines == NULL)
        die("cannot open", path);
    while ((line = json_loadf(in, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)) != NULL)
        json_array_append_new(lines, line);
    if (!feof(in) || json_array_size(lines) == 0)
        die("cannot read", path);
    fclose(in);
    return lines;
}

const char *transcript_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

json_t *transcript_message(json_t *line, const char *direction)
{
    if (strcmp(transcript_text(line, "dir"), direction) != 0)
        return NULL;
    return json_object_get(line, "json");
}

int transcript_connection(const json_t *line)
{
    return (int)json_integer_value(json_object_get(line, "conn"));
}
