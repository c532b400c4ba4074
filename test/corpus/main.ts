// Stands for every file that the target of this folder names; never run.
