# SPDX-License-Identifier: MIT
# completion.awk - bash completion for memloan, from commands.def: awk -f completion.awk commands.def
BEGIN {
	FS = ", *"
}

function bare(text)
{
	gsub(/^"|"$/, "", text)
	return text
}

/^COMMAND\(/ {
	sub(/^COMMAND\(/, "")
	id = $1
	name[id] = bare($2)
	words = words " " name[id]
}

/^OPTION\(/ {
	sub(/^OPTION\(/, "")
	argument = bare($5)
	long = "--" bare($3)
	short = $4 == "0" ? "" : "|-" substr($4, 2, 1)
	if ($2 == "ALL")
		common = common " " long
	else
		for (n = split($2, whose, / *\| */); n; n--) {
			gsub(/^FOR\(|\)$/, "", whose[n])
			own[whose[n]] = own[whose[n]] " " long
		}
	if (argument == "FILE")
		files = files "|" long short
	else if (argument != "" && argument !~ /^\[/)
		values = values "|" long short
}

END {
	print "# bash completion for memloan; made from commands.def"
	print "_memloan()"
	print "{"
	print "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word"
	print "\tlocal words='" substr(words common " --help --version", 2) "'"
	print "\tCOMPREPLY=()"
	print "\tcase $prev in"
	print "\t" substr(files, 2) ")"
	print "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"
	print "\t\treturn"
	print "\t\t;;"
	print "\t" substr(values, 2) ") return ;;"
	print "\tesac"
	print "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do"
	print "\t\tcase $word in"
	for (id in name)
		print "\t\t" name[id] ") words='" substr(own[id] common " --help", 2) "' ;;"
	print "\t\tesac"
	print "\tdone"
	print "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")"
	print "}"
	print "complete -F _memloan memloan"
}
