# borrowed-apps.gnuplot - a picture of borrowed-memory.md: tests/bench/borrowed-memory.sh apps
#
# Columns: program, swap, per cent of its memory that is local, seconds (median), least, most, faults.
set datafile separator ","
set datafile missing NaN
set terminal svg size 800,360 font "sans-serif,13" background "white"
set output "docs/borrowed-apps.svg"
file = "docs/borrowed-apps.csv"
# The row's seconds if it is of this program and swap; else it has no point.
of(program, swap, column) = strcol(1) eq program && strcol(2) eq swap ? column(column) : NaN
set multiplot layout 1, 2
set xlabel "% of its memory that is local"
set xrange [105:20]
set xtics 25, 25, 100
set logscale y
set format y "%g"
set ylabel "seconds (all is emulated)"
set key bottom right Left reverse
set grid ytics lc rgb "#dddddd"
do for [program in "sort hash"] {
	set title program eq "sort" ? "sort" : "hash table"
	plot for [swap in "disk borrowed zram"] file \
		using (of(program, swap, 3)):(of(program, swap, 4)):(of(program, swap, 5)):(of(program, swap, 6)) \
		with yerrorlines lw 2 pt 7 ps 0.6 \
		lc rgb (swap eq "disk" ? "#888888" : swap eq "borrowed" ? "#0060ad" : "#dd8800") title swap
}
unset multiplot
