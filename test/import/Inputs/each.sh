# Imports each of the given models.
for model; do
  qcc -q --until=import -o /dev/null "$model" || exit 1
done
