# borrowed-read.gnuplot - a picture of borrowed-memory.md: tests/bench/borrowed-memory.sh read
#
# Columns: disk, order of the reads, KiB of a read, KiB/s (median), least, most, mean us of a read.
set datafile separator ","
set datafile missing NaN
set terminal svg size 800,360 font "sans-serif,13" background "white"
set output "docs/borrowed-read.svg"
file = "docs/borrowed-read.csv"
of(reads, disk, column) = strcol(2) eq reads && strcol(1) eq disk ? column(column) / 1024 : NaN
stats file using ($6 / 1024) every ::1 name "most" nooutput
set multiplot layout 1, 2
set xlabel "size of a read, KiB"
set xrange [3:1400]
set logscale x 2
set xtics 4, 4, 1024
set yrange [0.5:1.5 * most_max]
set logscale y
set format y "%g"
set ylabel "MiB/s (all is emulated)"
set key bottom right Left reverse
set grid ytics lc rgb "#dddddd"
do for [reads in "read randread"] {
	set title reads eq "read" ? "in sequence" : "at random"
	plot for [disk in "disk borrowed"] file \
		using 3:(of(reads, disk, 4)):(of(reads, disk, 5)):(of(reads, disk, 6)) \
		with yerrorlines lw 2 pt 7 ps 0.6 lc rgb (disk eq "disk" ? "#888888" : "#0060ad") title disk
}
unset multiplot
