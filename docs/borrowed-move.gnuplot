# borrowed-move.gnuplot - a picture of borrowed-memory.md: tests/bench/borrowed-memory.sh move
#
# Columns: seconds, phase (odd ones are moves), touches, p50, p99 and most in us.
set datafile separator ","
set terminal svg size 800,360 font "sans-serif,13" background "white"
set output "docs/borrowed-move.svg"
file = "docs/borrowed-move-times.csv"
set xlabel "seconds"
set ylabel "ms for a page (all is emulated)"
set logscale y
set format y "%g"
set key outside top center horizontal Left reverse
set grid ytics lc rgb "#dddddd"
stats file using 1 every ::1 name "time" nooutput
stats file using ($6 / 1000) every ::1 name "most" nooutput
set xrange [0:time_max]
set yrange [0.5:*]
set style fill solid noborder
# A row tells of the time before it.
last = 0
plot file using (begin = last, last = $1, begin):(int($2) % 2 ? most_max : 0.5) every ::1 with fillsteps lc rgb "#e0e8f4" title "a move", \
     file using 1:($5 / 1000) every ::1 with lines lw 2 lc rgb "#dd8800" title "p99 of 5 s", \
     file using 1:($4 / 1000) every ::1 with lines lw 2 lc rgb "#0060ad" title "p50 of 5 s"
