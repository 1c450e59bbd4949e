# swap-memory.gnuplot - the picture of README.md, from what the guest scenario swap-memory measured:
#
#	TEST_DIR=DIR tests/guest/run-guest swap-memory
#	cp DIR/swap-memory.csv docs/ && gnuplot docs/swap-memory.gnuplot
#
# Columns: seconds, MiB of swap in use, MiB of the LUN, MiB of the host for all LUNs and the reserve.
set datafile separator ","
set terminal svg size 800,360 font "sans-serif,13" background "white"
set output "docs/swap-memory.svg"
set xlabel "seconds (the borrower is emulated)"
set ylabel "MiB"
set yrange [0:350]
set key top right Left reverse
set grid ytics lc rgb "#dddddd"
stats "docs/swap-memory.csv" every ::1::1 using 4 name "before" nooutput
plot "docs/swap-memory.csv" using 1:($4 - before_min) with lines lw 6 lc rgb "#cccccc" title "the donor lacks, for all LUNs", \
     "" using 1:3 with lines lw 2 lc rgb "#0060ad" title "the LUN holds", \
     "" using 1:2 with lines lw 2 lc rgb "#dd8800" title "swap that the borrower uses"
