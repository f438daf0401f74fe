# The user programs: every directory or file under user/programs is one. Part of kernel.mk.
