# Runs qcc with the given words: what it writes to standard error, then its
# status, then what it wrote to standard output, which should be nothing.
{ out=$(qcc "$@" 2>&3); } 3>&1
echo "status $?"
echo "${out:+wrote: $out}"
