/* Prints an array of a test vector in JSON, a number a line:
 *   cc read.c -o read && ./read vectors-json/00000.json calls/0/outputs/output
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of an array, in C order, and how many there are. NULL where the text of
 * the file has no array of this name. */
static double *array_of(const char *text, const char *name, size_t *count) {
    char key[512];
    snprintf(key, sizeof key, "\"%s\": {", name);
    const char *at = strstr(text, key);
    at = at ? strstr(at, "\"values\": [") : NULL;
    if (at == NULL) return NULL;
    double *numbers = malloc(sizeof *numbers * (strlen(at) / 2 + 1));
    *count = 0;
    for (at = strchr(at, '[') + 1; numbers != NULL && *at != '\0' && *at != ']';) {
        char *end = (char *)at;
        if (strchr(", \"", *at) != NULL) at++; /* words such as "nan" are quoted */
        else if (strncmp(at, "true", 4) == 0) numbers[(*count)++] = 1, at += 4;
        else if (strncmp(at, "false", 5) == 0) numbers[(*count)++] = 0, at += 5;
        else if (numbers[*count] = strtod(at, &end), end != at) (*count)++, at = end;
        else break;
    }
    return numbers;
}

int main(int arguments, char **values) {
    FILE *file = arguments == 3 ? fopen(values[1], "rb") : NULL;
    if (file == NULL) return fprintf(stderr, "usage: read FILE.json NAME\n"), 2;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    size_t count = 0, read = text ? fread(text, 1, (size_t)size, file) : 0;
    double *numbers = read == (size_t)size ? array_of(text, values[2], &count) : NULL;
    if (numbers == NULL) return fprintf(stderr, "%s: no array %s\n", values[1], values[2]), 1;
    for (size_t k = 0; k < count; k++) printf("%.17g\n", numbers[k]);
    return 0;
}
