#include "mishap/cli/cli.h"

int main(int argc, char** argv) { return mishap::cli::main(argc, argv); }
