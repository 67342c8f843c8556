"""Makes a C header with one string per SQL file: embed.py OUTPUT NAME=FILE ..."""
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        out.write(f"static const char {name}[] =\n")
        with open(path, encoding="utf-8") as source:
            for line in source:
                text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
                out.write(f'    "{text}\\n"\n')
        out.write("    ;\n")
