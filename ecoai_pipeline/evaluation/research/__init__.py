"""The protocols of the original research, as functions of any detector, named as what they are. See the README beside this file."""
